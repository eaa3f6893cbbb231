//! `holdfast kv rollback`

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::mount::Target;
use super::written;
use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv rollback -version=2 secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The version whose data becomes the newest
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let location = arguments.target.versioned(&client, "Rollback").await?;
    let path = location.path("data");
    let doing = format!("doing pre-read at {path}");
    let read = async |version: u64| {
        let ask = Ask::new(Method::GET, &path).query([("version".to_owned(), version.to_string())]).preflight();
        let found = client.send(ask).await.doing(&doing)?.found().doing(&doing)?;
        found.ok_or_else(|| Failure::refused(format!("No value found at {path}")))
    };
    // What is the newest now must be so when the older one is written.
    let newest = read(0).await?["data"]["metadata"]["version"].clone();
    let older = read(arguments.version).await?;
    let data = &older["data"]["data"];
    if !data.is_object() {
        let problem = format!("Cannot roll back to version {}, which has no data: it is deleted", arguments.version);
        return Err(Failure::refused(problem));
    }
    let doing = format!("writing data to {path}");
    let asked = json!({ "data": data, "options": { "cas": newest } });
    let answer = client.put(&path, &asked).await.doing(&doing)?.ok().doing(&doing)?;
    written::print(globals, &path, true, &answer)
}
