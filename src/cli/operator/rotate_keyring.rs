//! `holdfast operator rotate-keyring`

use clap::Args;

use super::rotate;
use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator rotate-keyring")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    rotate::rotate("sys/rotate/keyring", globals).await
}
