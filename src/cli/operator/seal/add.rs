//! `holdfast operator seal add`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator seal add kms-b")]
pub struct Arguments {
    /// The seal's name in the configuration of the nodes
    name: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (name, doing) = (arguments.name, "adding the seal");
    let client = globals.client()?;
    client.post(&format!("sys/seals/{name}"), &json!({})).await.doing(doing)?.ok().doing(doing)?;
    output::say(&format!("Success! The seal {name} unseals the cluster."))
}
