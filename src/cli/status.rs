//! `holdfast status`: the seal, and who leads. Exit status 2 if the server is sealed.

use clap::Args;
use serde_json::{Map, Value};

use super::client::Client;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast status\n  holdfast status -format=json -address=https://10.0.0.2:8200")]
pub struct Arguments {}

/// Fields of the seal's status and their names for people, in the order of the table.
const SEAL: &[(&str, &str)] = &[
    ("type", "Seal Type"),
    ("initialized", "Initialized"),
    ("sealed", "Sealed"),
    ("n", "Total Shares"),
    ("t", "Threshold"),
    ("recovery_seal_type", "Recovery Seal Type"),
    ("migration", "Seal Migration In Progress"),
    ("version", "Version"),
    ("build_date", "Build Date"),
    ("storage_type", "Storage Type"),
    ("cluster_name", "Cluster Name"),
    ("cluster_id", "Cluster ID"),
    ("removed_from_cluster", "Removed From Cluster"),
    ("state_diverged", "State Diverged"),
];

/// The same of the leader's.
const LEADER: &[(&str, &str)] = &[
    ("ha_enabled", "HA Enabled"),
    ("leader_cluster_address", "HA Cluster"),
    ("ha_mode", "HA Mode"),
    ("active_time", "Active Since"),
    ("leader_address", "Active Node Address"),
    ("raft_committed_index", "Raft Committed Index"),
    ("raft_applied_index", "Raft Applied Index"),
];

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    // Whatever goes wrong here is no word about the seal: exit status 1, not 2.
    let seal = client.get("sys/seal-status").await.and_then(super::client::Reply::ok).doing("checking seal status");
    let seal = seal.map_err(|failure| match failure {
        Failure::Refused(problem) => Failure::Usage(problem),
        other => other,
    })?;
    let sealed = seal["sealed"].as_bool().unwrap_or(true);
    let leader = if sealed { Value::Null } else { leader(&client).await };
    let mut all = seal.as_object().cloned().unwrap_or_default();
    all.extend(leader.as_object().cloned().unwrap_or_default());
    globals.output()?.value(&Value::Object(all.clone()), || table(&all, sealed))?;
    Ok(if sealed { Done::No } else { Done::Good })
}

/// A node that knows no leader right now still has a status.
async fn leader(client: &Client) -> Value {
    match client.get("sys/leader").await {
        Ok(reply) => reply.ok().unwrap_or(Value::Null),
        Err(_) => Value::Null,
    }
}

/// The seal's status alone, as `operator unseal` prints it too.
pub fn table(all: &Map<String, Value>, sealed: bool) -> String {
    let mut all = all.clone();
    all.extend(mode(&all).map(|mode| ("ha_mode".to_owned(), mode.into())));
    // The beginning of the calendar stands for never.
    if all.get("active_time").and_then(Value::as_str).is_some_and(|since| since.starts_with("0001-")) {
        all.remove("active_time");
    }
    if all.get("migration") == Some(&Value::Bool(false)) {
        all.remove("migration");
    }
    let mut rows = Vec::new();
    let mut add = |fields: &[(&str, &str)]| {
        for (key, name) in fields {
            let shown = all.get(*key).filter(|value| value.as_str() != Some(""));
            rows.extend(shown.map(|value| [(*name).to_owned(), cell(value)]));
        }
    };
    add(&SEAL[..5]);
    if sealed {
        add(&[("nonce", "Unseal Nonce")]);
    }
    add(&SEAL[5..]);
    add(LEADER);
    if sealed && let Some(progress) = all.get("progress") {
        let threshold = all.get("t").map(cell).unwrap_or_default();
        rows.insert(5.min(rows.len()), ["Unseal Progress".to_owned(), format!("{}/{threshold}", cell(progress))]);
    }
    output::pairs(&rows)
}

fn mode(all: &Map<String, Value>) -> Option<&'static str> {
    let truth = |key: &str| all.get(key).and_then(Value::as_bool).unwrap_or(false);
    match () {
        () if !truth("ha_enabled") => None,
        () if truth("is_self") => Some("active"),
        () if truth("performance_standby") => Some("performance standby"),
        () => Some("standby"),
    }
}
