//! `holdfast auth help`

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::path_help;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast auth help userpass")]
pub struct Arguments {
    /// Where the method is mounted, below auth/
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    // The mount itself answers with the list of what it offers.
    path_help::show(&format!("auth/{}/", arguments.path.trim_matches('/')), globals).await
}
