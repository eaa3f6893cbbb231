//! `holdfast secrets move`

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::{mounts, output};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast secrets move team/ teams/web/")]
pub struct Arguments {
    /// Where the engine is mounted
    from: String,
    /// Where it shall be
    to: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (from, to) = (mounts::with_slash(&arguments.from), mounts::with_slash(&arguments.to));
    mounts::remount(&globals.client()?, &from, &to, "secrets engine").await?;
    output::say(&format!("Success! Finished moving secrets engine {from} to {to}"))
}
