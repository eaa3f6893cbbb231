//! `holdfast secrets list`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts;
use crate::cli::output::cell;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast secrets list\n  holdfast secrets list -detailed -format=json")]
pub struct Arguments {
    /// With limits, options and identifiers
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "listing secrets engines";
    let mounts = globals.client()?.get("sys/mounts").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&mounts, || match arguments.detailed {
        true => mounts::detailed(&mounts, ("Force No Cache", |mount| cell(&mount["config"]["force_no_cache"]))),
        false => mounts::brief(&mounts),
    })
}
