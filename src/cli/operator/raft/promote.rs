//! `holdfast operator raft promote`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft promote node3")]
pub struct Arguments {
    /// The node's name, as list-peers shows it
    node: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "promoting the peer";
    let asked = json!({ "server_id": arguments.node });
    let client = globals.client()?;
    client.post("sys/storage/raft/promote", &asked).await.doing(doing)?.ok().doing(doing)?;
    output::say("Success! The node gets its vote as soon as it is complete and has been healthy for a while.")
}
