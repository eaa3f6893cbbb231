//! `holdfast auth move`

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::{mounts, output};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast auth move auth/staff/ auth/people/")]
pub struct Arguments {
    /// Where the method is mounted, with auth/
    from: String,
    /// Where it shall be, with auth/
    to: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (from, to) = (mounts::with_slash(&arguments.from), mounts::with_slash(&arguments.to));
    mounts::remount(&globals.client()?, &from, &to, "auth method").await?;
    output::say(&format!("Success! Finished moving auth method {from} to {to}"))
}
