//! `holdfast policy read`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::cell;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast policy read app")]
pub struct Arguments {
    /// The policy's name
    name: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let name = arguments.name.trim().to_lowercase();
    let doing = format!("reading policy named {name}");
    let reply = globals.client()?.get(&format!("sys/policies/acl/{name}")).await.doing(&doing)?;
    let answer = reply.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No policy named: {name}")))?;
    let text = cell(&answer["data"]["policy"]);
    globals.output()?.value(&json!({ "policy": text }), || text.clone())
}
