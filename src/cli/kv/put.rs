//! `holdfast kv put`

use clap::Args;
use serde_json::json;

use super::{Target, mount, pairs};
use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Args)]
pub struct Arguments {
    /// The secret's path, its mount first
    path: String,
    /// key=value, key=@file, key=- (standard input), @file.json, or - (JSON on standard input)
    #[arg(allow_hyphen_values = true)]
    data: Vec<String>,
    /// Write only if the newest version is this one; 0: only if there is none
    #[arg(long)]
    cas: Option<u64>,
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let target = &arguments.target;
    let data = pairs::read(&arguments.data)?;
    let client = target.connection.client()?;
    let location = mount::locate(&client, target.mount.as_deref(), &arguments.path).await?;
    let path = location.path("data");
    let asked = match (location.versioned, arguments.cas) {
        (false, Some(_)) => return Err(Failure::usage("This mount keeps no versions, so -cas means nothing")),
        (false, None) => data,
        (true, None) => json!({ "data": data, "options": {} }),
        (true, Some(cas)) => json!({ "data": data, "options": { "cas": cas } }),
    };
    let answer = client.put(&path, &asked).await?.ok();
    let answer = answer.map_err(|failure| failure.while_doing(format_args!("writing data to {path}")))?;
    if !location.versioned {
        return output::say(&format!("Success! Data written to: {path}"));
    }
    target.output.format.print(&answer, || {
        let metadata = output::titled("Metadata", &output::object_table(&answer["data"]));
        format!("{}\n\n{metadata}", output::titled("Secret Path", &path))
    })
}
