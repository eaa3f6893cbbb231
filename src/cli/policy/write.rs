//! `holdfast policy write`

use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, prompt};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast policy write app app.hcl\n  echo 'path \"secret/data/app\" { capabilities = [\"read\"] }' | holdfast policy write app -"
)]
pub struct Arguments {
    /// The policy's name
    name: String,
    /// A file in HCL or JSON, or - for standard input
    file: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let name = arguments.name.trim().to_lowercase();
    let text = match arguments.file.as_str() {
        "-" => prompt::standard_input()?.to_string(),
        file => std::fs::read_to_string(file).map_err(|error| Failure::file(Path::new(file), error))?,
    };
    let client = globals.client()?;
    let reply = client.put(&format!("sys/policies/acl/{name}"), &json!({ "policy": text })).await;
    let answer = reply.doing("uploading policy")?.ok().doing("uploading policy")?;
    output::warnings(&answer);
    output::say(&format!("Success! Uploaded policy: {name}"))
}
