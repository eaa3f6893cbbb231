//! `holdfast kv destroy`

use clap::Args;
use serde_json::json;

use super::mount::Target;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv destroy -versions=3,4 secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// These versions
    #[arg(long, required = true, value_delimiter = ',', value_name = "NUMBER")]
    versions: Vec<u64>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let location = arguments.target.versioned(&client, "Destroy").await?;
    let path = location.path("destroy");
    let doing = format!("writing data to {path}");
    let reply = client.put(&path, &json!({ "versions": arguments.versions })).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Data written to: {path}"))
}
