//! `holdfast secrets disable`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{mounts, output};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast secrets disable team/")]
pub struct Arguments {
    /// Where the engine is mounted
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(&arguments.path);
    let doing = format!("disabling secrets engine at {path}");
    let reply = globals.client()?.delete(&format!("sys/mounts/{}", path.trim_end_matches('/'))).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Disabled the secrets engine (if it existed) at: {path}"))
}
