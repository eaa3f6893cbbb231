//! `holdfast kv destroy`

use clap::Args;

use super::versions::Versions;
use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv destroy -versions=3,4 secret/app")]
pub struct Arguments {
    #[command(flatten)]
    versions: Versions,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    arguments.versions.write("destroy", "Destroy", globals).await
}
