//! `holdfast operator members`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator members")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "reading the members";
    let status = globals.client()?.get("sys/ha-status").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&status, || {
        let nodes = [&status["nodes"], &status["Nodes"]].into_iter().find_map(Value::as_array).into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let rows: Vec<[String; 7]> = nodes
            .map(|node| {
                [
                    text(&node["hostname"]),
                    text(&node["api_address"]),
                    text(&node["cluster_address"]),
                    cell(&node["active_node"]),
                    text(&node["version"]),
                    text(&node["upgrade_version"]),
                    text(&node["last_echo"]),
                ]
            })
            .collect();
        let header =
            ["Host Name", "API Address", "Cluster Address", "Active Node", "Version", "Upgrade Version", "Last Echo"];
        output::table(header, &rows)
    })
}
