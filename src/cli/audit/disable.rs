//! `holdfast audit disable`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast audit disable file/")]
pub struct Arguments {
    /// The device's name
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = arguments.path.trim_matches('/');
    let reply = globals.client()?.delete(&format!("sys/audit/{path}")).await;
    reply.doing("disabling audit device")?.ok().doing("disabling audit device")?;
    output::say(&format!("Success! Disabled audit device (if it was enabled) at: {path}/"))
}
