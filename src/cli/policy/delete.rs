//! `holdfast policy delete`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast policy delete app")]
pub struct Arguments {
    /// The policy's name
    name: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let name = arguments.name.trim().to_lowercase();
    let reply = globals.client()?.delete(&format!("sys/policies/acl/{name}")).await;
    reply.doing(format_args!("deleting {name}"))?.ok().doing(format_args!("deleting {name}"))?;
    output::say(&format!("Success! Deleted policy: {name}"))
}
