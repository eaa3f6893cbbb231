//! `holdfast namespace seal`

use clap::Args;
use serde_json::json;

use super::{at, shown};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast namespace seal vip")]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("sealing namespace {}", arguments.path);
    let reply = globals.client()?.put(&at(&arguments.path, "seal")?, &json!({})).await;
    output::warnings(&reply.doing(&doing)?.ok().doing(&doing)?);
    output::say(&format!("Success! Namespace is sealed: {}", shown(&arguments.path)))
}
