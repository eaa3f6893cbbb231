//! `holdfast operator step-down`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator step-down")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "stepping down";
    globals.client()?.put("sys/step-down", &json!({})).await.doing(doing)?.ok().doing(doing)?;
    output::say("Success! The active node was told to step down.")
}
