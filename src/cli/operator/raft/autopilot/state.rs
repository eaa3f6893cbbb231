//! `holdfast operator raft autopilot state`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::cell;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft autopilot state -format=json")]
pub struct Arguments {}

/// Fields of a node and their names for people.
const NODE: &[(&str, &str)] = &[
    ("name", "Name"),
    ("address", "Address"),
    ("status", "Status"),
    ("node_status", "Node Status"),
    ("healthy", "Healthy"),
    ("last_contact", "Last Contact"),
    ("last_term", "Last Term"),
    ("last_index", "Last Index"),
    ("version", "Version"),
    ("node_type", "Node Type"),
];

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "checking autopilot state";
    let client = globals.client()?;
    let state = client.get("sys/storage/raft/autopilot/state").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&state, || for_people(&state))
}

fn for_people(state: &Value) -> String {
    let mut text = String::new();
    for (key, name) in [("healthy", "Healthy:"), ("failure_tolerance", "Failure Tolerance:"), ("leader", "Leader:")] {
        text.push_str(&format!("{name:<33}{}\n", cell(&state[key])));
    }
    for (key, name) in [("voters", "Voters:"), ("non_voters", "Non Voters:")] {
        let nodes = state[key].as_array().filter(|nodes| !nodes.is_empty());
        let Some(nodes) = nodes else { continue };
        text.push_str(&format!("{name}\n"));
        nodes.iter().for_each(|node| text.push_str(&format!("   {}\n", cell(node))));
    }
    text.push_str("Servers:\n");
    for (id, node) in state["servers"].as_object().into_iter().flatten() {
        text.push_str(&format!("   {id}\n"));
        for (key, name) in NODE.iter().filter(|(key, _)| !node[*key].is_null()) {
            text.push_str(&format!("      {:<19}{}\n", format!("{name}:"), cell(&node[*key])));
        }
    }
    text
}
