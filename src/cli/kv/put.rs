//! `holdfast kv put`

use clap::Args;
use serde_json::json;

use super::mount::Target;
use super::written;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast kv put secret/app user=app password=@password.txt\n  holdfast kv put -cas=0 secret/app key=only-if-new\n  holdfast kv put secret/app @secret.json"
)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// key=value, key=@file, key=- (standard input), @file.json, or - (JSON on standard input)
    #[arg(value_name = "K=V")]
    data: Vec<String>,
    /// Write only if the newest version is this one; 0: only if there is none
    #[arg(long, value_name = "NUMBER")]
    cas: Option<u64>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let data = pairs::read(&arguments.data)?;
    let client = globals.client()?;
    let location = arguments.target.locate(&client).await?;
    let path = location.path("data");
    let asked = match (location.versioned, arguments.cas) {
        (false, Some(_)) => return Err(Failure::usage("This mount keeps no versions, so -cas means nothing")),
        (false, None) => data,
        (true, None) => json!({ "data": data, "options": {} }),
        (true, Some(cas)) => json!({ "data": data, "options": { "cas": cas } }),
    };
    let doing = format!("writing data to {path}");
    let answer = client.put(&path, &asked).await.doing(&doing)?.ok().doing(&doing)?;
    written::print(globals, &path, location.versioned, &answer)
}
