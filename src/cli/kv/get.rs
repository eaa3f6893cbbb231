//! `holdfast kv get`

use clap::Args;
use serde_json::Value;

use super::{Target, mount};
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, Format};

#[derive(Args)]
pub struct Arguments {
    /// The secret's path, its mount first
    path: String,
    /// Print this field alone
    #[arg(long)]
    field: Option<String>,
    /// Which version; 0 is the newest
    #[arg(long, default_value_t = 0)]
    version: u64,
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let target = &arguments.target;
    let client = target.connection.client()?;
    let location = mount::locate(&client, target.mount.as_deref(), &arguments.path).await?;
    let path = location.path("data");
    let query = match arguments.version {
        0 => String::new(),
        _ if !location.versioned => return Err(Failure::usage("This mount keeps no versions")),
        version => format!("?version={version}"),
    };
    let reply = client.get(&format!("{path}{query}")).await?;
    let nothing = || Failure::refused(format!("No value found at {path}"));
    // A deleted version is a 404 with its metadata: an answer without data.
    let answer = if reply.status == 404 && reply.body["data"].is_object() {
        reply.body
    } else {
        reply.found().map_err(|failure| failure.while_doing(format_args!("reading {path}")))?.ok_or_else(nothing)?
    };
    let data = if location.versioned { &answer["data"]["data"] } else { &answer["data"] };
    match arguments.field {
        None => target.output.format.print(&answer, || for_people(&path, location.versioned, &answer["data"])),
        Some(field) => {
            let found = data.get(&field).or_else(|| answer["data"]["metadata"].get(&field));
            let absent = || Failure::usage(format!("Field {field:?} not present in secret"));
            let value = found.ok_or_else(absent)?;
            if target.output.format == Format::Table {
                output::field(value)
            } else {
                target.output.format.print(value, String::new)
            }
        }
    }
}

fn for_people(path: &str, versioned: bool, data: &Value) -> String {
    if !versioned {
        return output::titled("Data", &output::object_table(data));
    }
    let metadata = output::titled("Metadata", &output::object_table(&data["metadata"]));
    let mut text = format!("{}\n\n{metadata}", output::titled("Secret Path", path));
    if data["data"].is_object() {
        text.push_str(&format!("\n{}", output::titled("Data", &output::object_table(&data["data"]))));
    }
    text
}
