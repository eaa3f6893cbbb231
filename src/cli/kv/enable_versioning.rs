//! `holdfast kv enable-versioning`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{mounts, output};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv enable-versioning secret/")]
pub struct Arguments {
    /// Where the engine is mounted
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(&arguments.path);
    let doing = format!("tuning secrets engine {path}");
    let asked = json!({ "options": { "version": "2" } });
    let reply = globals.client()?.post(&format!("sys/mounts/{path}tune"), &asked).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Tuned the secrets engine at: {path}"))
}
