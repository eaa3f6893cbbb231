//! `holdfast audit list`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast audit list -detailed")]
pub struct Arguments {
    /// With the options of each
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let devices = globals.client()?.get("sys/audit").await.doing("listing audits")?.inside().doing("listing audits")?;
    let output = globals.output()?;
    if devices.as_object().is_none_or(|devices| devices.is_empty()) && output.for_people() {
        return Err(Failure::refused("No audit devices are enabled."));
    }
    output.value(&devices, || if arguments.detailed { detailed(&devices) } else { brief(&devices) })
}

fn brief(devices: &Value) -> String {
    let rows = devices.as_object().into_iter().flatten();
    let rows: Vec<[String; 3]> =
        rows.map(|(path, device)| [path.clone(), cell(&device["type"]), cell(&device["description"])]).collect();
    output::table(["Path", "Type", "Description"], &rows)
}

fn detailed(devices: &Value) -> String {
    let rows = devices.as_object().into_iter().flatten().map(|(path, device)| {
        let replication = if device["local"].as_bool().unwrap_or(false) { "local" } else { "replicated" };
        let options = device["options"].as_object().into_iter().flatten();
        let options: Vec<String> = options.map(|(key, value)| format!("{key}={}", cell(value))).collect();
        [path.clone(), cell(&device["type"]), cell(&device["description"]), replication.to_owned(), options.join(" ")]
    });
    output::table(["Path", "Type", "Description", "Replication", "Options"], &rows.collect::<Vec<_>>())
}
