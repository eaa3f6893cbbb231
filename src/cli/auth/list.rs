//! `holdfast auth list`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts;
use crate::cli::output::cell;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast auth list\n  holdfast auth list -detailed -format=json")]
pub struct Arguments {
    /// With limits, options and identifiers
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "listing enabled authentications";
    let mounts = globals.client()?.get("sys/auth").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&mounts, || match arguments.detailed {
        true => mounts::detailed(&mounts, ("Token Type", |mount| cell(&mount["config"]["token_type"]))),
        false => mounts::brief(&mounts),
    })
}
