//! `holdfast kv delete`

use clap::Args;
use serde_json::json;

use super::{Target, mount};
use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Args)]
pub struct Arguments {
    /// The secret's path, its mount first
    path: String,
    /// Only these versions
    #[arg(long, value_delimiter = ',')]
    versions: Vec<u64>,
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let target = &arguments.target;
    let client = target.connection.client()?;
    let location = mount::locate(&client, target.mount.as_deref(), &arguments.path).await?;
    if !arguments.versions.is_empty() && !location.versioned {
        return Err(Failure::usage("This mount keeps no versions"));
    }
    let path = location.path("data");
    let answer = if arguments.versions.is_empty() {
        client.delete(&path).await?.ok()
    } else {
        client.post(&location.path("delete"), &json!({ "versions": arguments.versions })).await?.ok()
    };
    answer.map_err(|failure| failure.while_doing(format_args!("deleting {path}")))?;
    output::say(&format!("Success! Data deleted (if it existed) at: {path}"))
}
