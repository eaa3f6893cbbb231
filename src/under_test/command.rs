//! What the process can be told while it runs.

use std::sync::Arc;
use std::time::Duration;

use cluster::under_test::{log_disk, set_clock};
use cluster::{Node, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Command {
    /// Where the node stands.
    State,
    /// What the log's disk does from now on.
    Disk { mode: Disk },
    /// How far off the wall clock is from now on.
    Clock { offset: i64 },
    /// A snapshot, and no log before it.
    Compact,
    /// Every replicated record, hashed.
    Hash,
    /// Leadership goes to this member.
    Transfer { to: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Disk {
    Heal,
    Stall,
    Fail,
    Lose,
}

/// How long a snapshot may take.
const COMPACT: Duration = Duration::from_secs(10);

pub async fn run(line: &str, node: Option<&Arc<Node>>) -> Value {
    let done = match serde_json::from_str(line) {
        Ok(command) => obey(command, node).await,
        Err(problem) => Err(problem.to_string()),
    };
    done.unwrap_or_else(|problem| json!({ "problem": problem }))
}

async fn obey(command: Command, node: Option<&Arc<Node>>) -> Result<Value, String> {
    let node = || node.ok_or_else(|| "the node is not open yet".to_owned());
    match command {
        Command::State => return Ok(state(node()?)),
        Command::Disk { mode } => match mode {
            Disk::Heal => log_disk().heal(),
            Disk::Stall => log_disk().stall(),
            Disk::Fail => log_disk().fail(),
            Disk::Lose => log_disk().lose_power(),
        },
        Command::Clock { offset } => set_clock(offset),
        Command::Compact => {
            let index = node()?.compact(Instant::now() + COMPACT).await?;
            return Ok(json!({ "index": index }));
        }
        Command::Hash => {
            let hash = node()?.full_hash().await.map_err(|problem| problem.to_string())?;
            return Ok(json!({
                "revision": hash.revision.to_string(),
                "fingerprint": hex::encode(hash.fingerprint),
                "sha256": hex::encode(hash.sha256),
                "records": hash.records,
            }));
        }
        Command::Transfer { to } => node()?.transfer_to(&to).await?,
    }
    Ok(json!({}))
}

fn state(node: &Node) -> Value {
    let leadership = node.leadership().borrow().clone();
    let (role, leader) = match &leadership.role {
        Role::Leader { ready: true } => ("leader", None),
        Role::Leader { ready: false } => ("elected", None),
        Role::Follower { leader } => ("follower", Some(leader.name.clone())),
        Role::Unknown => ("unknown", None),
    };
    let (committed, applied) = node.progress();
    let (revision, fingerprint) = node.fingerprint();
    json!({
        "term": leadership.term,
        "role": role,
        "leader": leader,
        "committed": committed,
        "applied": applied,
        "revision": revision.to_string(),
        "fingerprint": hex::encode(fingerprint),
        "diverged": node.diverged().borrow().as_deref(),
        "spoiled": log_disk().spoiled(),
        "clock": cluster::time::wall().0,
        "steady": node.clock_is_steady(),
    })
}
