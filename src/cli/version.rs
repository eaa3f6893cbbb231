//! `holdfast version`

use clap::Args;

use super::failure::{Done, Failure};
use super::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast version")]
pub struct Arguments {}

pub fn run() -> Result<Done, Failure> {
    output::say(&format!("Holdfast v{}", env!("CARGO_PKG_VERSION")))
}
