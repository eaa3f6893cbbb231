//! `holdfast secrets tune`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Tuning};
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast secrets tune -default-lease-ttl=1h -description='for the web' team/")]
pub struct Arguments {
    /// Where the engine is mounted
    path: String,
    /// The version of the key-value engine: 1 or 2
    #[arg(long, value_name = "NUMBER")]
    version: Option<String>,
    #[command(flatten)]
    tuning: Tuning,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(&arguments.path);
    let body = Value::Object(arguments.tuning.tune(arguments.version.as_deref())?);
    let doing = format!("tuning secrets engine {path}");
    let client = globals.client()?;
    let reply = client.post(&format!("sys/mounts/{path}tune"), &body).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Tuned the secrets engine at: {path}"))
}
