//! `holdfast auth move`

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::mounts;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast auth move auth/staff/ auth/people/")]
pub struct Arguments {
    /// Where the method is mounted, with auth/
    from: String,
    /// Where it shall be, with auth/
    to: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    mounts::remount(&globals.client()?, &arguments.from, &arguments.to, "auth method").await
}
