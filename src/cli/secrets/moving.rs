//! `holdfast secrets move`

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::mounts;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast secrets move team/ teams/web/")]
pub struct Arguments {
    /// Where the engine is mounted
    from: String,
    /// Where it shall be
    to: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    mounts::remount(&globals.client()?, &arguments.from, &arguments.to, "secrets engine").await
}
