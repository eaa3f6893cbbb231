//! `holdfast operator raft autopilot get-config`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft autopilot get-config")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "reading autopilot configuration";
    let client = globals.client()?;
    let config = client.get("sys/storage/raft/autopilot/configuration").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.secret(&json!({ "data": config }))
}
