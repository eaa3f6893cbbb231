//! `holdfast audit enable`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, pairs};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast audit enable file file_path=/var/log/holdfast/audit.log\n  holdfast audit enable -path=siem socket address=10.0.0.9:9090 socket_type=tcp"
)]
pub struct Arguments {
    /// file, socket, syslog or http
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The device's options, KEY=VALUE
    #[arg(value_name = "K=V")]
    options: Vec<String>,
    /// The device's name; else its type
    #[arg(long)]
    path: Option<String>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Not for secondary clusters
    #[arg(long)]
    local: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = format!("{}/", arguments.path.as_ref().unwrap_or(&arguments.kind).trim_matches('/'));
    let body = json!({
        "type": arguments.kind,
        "description": arguments.description.unwrap_or_default(),
        "options": Value::Object(pairs::read_any(&arguments.options)?),
        "local": arguments.local,
    });
    let client = globals.client()?;
    let reply = client.put(&format!("sys/audit/{}", path.trim_end_matches('/')), &body).await;
    let answer = reply.doing("enabling audit device")?.ok().doing("enabling audit device")?;
    output::warnings(&answer);
    output::say(&format!("Success! Enabled the {} audit device at: {path}", arguments.kind))
}
