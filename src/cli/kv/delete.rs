//! `holdfast kv delete`

use clap::Args;
use serde_json::json;

use super::mount::Target;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast kv delete secret/app\n  holdfast kv delete -versions=3,4 secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Only these versions
    #[arg(long, value_delimiter = ',', value_name = "NUMBER")]
    versions: Vec<u64>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let location = arguments.target.locate(&client).await?;
    if !arguments.versions.is_empty() && !location.versioned {
        return Err(Failure::usage("This mount keeps no versions"));
    }
    let path = location.path("data");
    let reply = if arguments.versions.is_empty() {
        client.delete(&path).await
    } else {
        client.post(&location.path("delete"), &json!({ "versions": arguments.versions })).await
    };
    let doing = format!("deleting {path}");
    output::warnings(&reply.doing(&doing)?.ok().doing(&doing)?);
    output::say(&format!("Success! Data deleted (if it existed) at: {path}"))
}
