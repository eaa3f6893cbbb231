//! `holdfast operator seal`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator seal -address=https://10.0.0.2:8200")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    globals.client()?.put("sys/seal", &json!({})).await.doing("sealing")?.ok().doing("sealing")?;
    output::say("Success! Holdfast is sealed.")
}
