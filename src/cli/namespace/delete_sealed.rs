//! `holdfast namespace delete-sealed`

use clap::Args;

use super::delete;
use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast namespace delete-sealed vip")]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    delete::remove(&arguments.path, "delete-sealed", globals).await
}
