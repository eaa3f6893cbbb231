//! `holdfast auth disable`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{mounts, output};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast auth disable staff/")]
pub struct Arguments {
    /// Where the method is mounted, below auth/
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(&arguments.path);
    let doing = format!("disabling auth method at {path}");
    let reply = globals.client()?.delete(&format!("sys/auth/{}", path.trim_end_matches('/'))).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Disabled the auth method (if it existed) at: {path}"))
}
