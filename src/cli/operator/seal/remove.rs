//! `holdfast operator seal remove`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator seal remove kms-a")]
pub struct Arguments {
    /// The seal's name, as `seal list` shows it
    name: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (name, doing) = (arguments.name, "removing the seal");
    globals.client()?.delete(&format!("sys/seals/{name}")).await.doing(doing)?.ok().doing(doing)?;
    output::say(&format!("Success! The seal {name} does not unseal the cluster any more."))
}
