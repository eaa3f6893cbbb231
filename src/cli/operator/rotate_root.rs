//! `holdfast operator rotate-root`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator rotate-root")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "rotating root key";
    globals.client()?.put("sys/rotate/root", &json!({})).await.doing(doing)?.ok().doing(doing)?;
    output::say("Success! Rotated root key")
}
