//! `storage "raft"`: where this node keeps its data, who it is, and how patient the cluster is.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::problem::{ConfigError, Warning};
use super::retry_join::{self, RetryJoin};
use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStorage {
    /// `path`: the folder of everything this node keeps.
    pub path: PathBuf,
    /// `node_id`: this node's name in the cluster. Without one it is the host's.
    pub node_id: String,
    pub timing: RaftTiming,
    /// `max_entry_size`: the largest transaction, in bytes.
    pub max_entry_size: usize,
    pub retry_join: Vec<RetryJoin>,
    /// `read_index_only` (ours): asks a quorum on every read instead of trusting the leader's lease, for hosts whose
    /// monotonic clock stands still while they are paused.
    pub read_index_only: bool,
}

/// The clock of consensus. `performance_multiplier` stretches the defaults; `heartbeat_interval` and
/// `election_timeout` (ours) set them. Must be the same on all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaftTiming {
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
}

const HEARTBEAT: Duration = Duration::from_millis(50);
const ELECTION_MIN: Duration = Duration::from_millis(200);
const MULTIPLIER_MAX: u64 = 10;
const ENTRY_SIZE: usize = 1 << 20;
const ENTRY_SIZE_MIN: u64 = 64 << 10;
const ENTRY_SIZE_MAX: u64 = 8 << 20;
const ELECTION_LONGEST: Duration = Duration::from_secs(60);

/// What Vault has and has no counterpart here: the log and its snapshots look after themselves.
const NO_EFFECT: &[&str] = &[
    "autopilot_reconcile_interval",
    "autopilot_redundancy_zone",
    "autopilot_update_interval",
    "autopilot_upgrade_version",
    "max_mount_and_namespace_table_entry_size",
    "max_transaction_size",
    "max_transaction_entries",
    "raft_log_verifier_enabled",
    "raft_log_verification_interval",
    "raft_wal",
    "retry_join_as_non_voter",
    "snapshot_delay",
    "snapshot_interval",
    "snapshot_threshold",
    "trailing_logs",
];

impl Default for RaftTiming {
    fn default() -> Self {
        Self { heartbeat: HEARTBEAT, election_min: ELECTION_MIN, election_max: 2 * ELECTION_MIN }
    }
}

pub(super) fn read(
    top: &Section<'_>,
    environment: &Environment,
    warnings: &mut Vec<Warning>,
) -> Result<RaftStorage, ConfigError> {
    let mut blocks = top.blocks("storage", 1)?;
    blocks.extend(top.blocks("backend", 1)?);
    // As with other keys, the last one counts.
    let Some((labels, section)) = blocks.pop() else {
        let wanted = "add storage \"raft\" { path = \"…\" node_id = \"…\" }";
        return Err(ConfigError::MissingBlock { file: top.file(), block: "storage", wanted });
    };
    if labels[0] != "raft" {
        let problem = format!("storage {:?} is not offered: the only storage is \"raft\"", labels[0]);
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    let missing =
        |key, wanted| ConfigError::MissingKey { place: section.place(), block: section.name.clone(), key, wanted };
    let path = environment.raft_path().or(section.path("path")?);
    let path = path.ok_or_else(|| missing("path", "it names the folder for this node's data"))?;
    let storage = RaftStorage {
        path,
        node_id: node_id(&section, environment)?
            .ok_or_else(|| missing("node_id", "it names this node; no two of a cluster may be alike"))?,
        timing: timing(&section)?,
        max_entry_size: entry_size(&section)?,
        retry_join: retry_join::read(&section, warnings)?,
        read_index_only: section.flag("read_index_only")?.unwrap_or(false),
    };
    section.finish(NO_EFFECT, warnings);
    Ok(storage)
}

fn node_id(section: &Section<'_>, environment: &Environment) -> Result<Option<String>, ConfigError> {
    let entry = section.entry("node_id");
    if let Some(name) = &environment.raft_node_id {
        return Ok(Some(name.clone()));
    }
    let Some(entry) = entry else { return Ok(environment.host_name.clone()) };
    let name = entry.text()?;
    let plain = !name.is_empty() && name.len() <= 256 && name.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if plain { Ok(Some(name)) } else { Err(entry.bad("it must be a name of 1 to 256 characters without spaces")) }
}

fn timing(section: &Section<'_>) -> Result<RaftTiming, ConfigError> {
    let mut timing = RaftTiming::default();
    if let Some(entry) = section.entry("performance_multiplier") {
        // 0 means "the default"; both are the fastest setting here.
        let factor = entry.number_in(0, MULTIPLIER_MAX)?.max(1) as u32;
        timing.heartbeat *= factor;
        timing.election_min *= factor;
    }
    if let Some(entry) = section.entry("heartbeat_interval") {
        timing.heartbeat = entry.duration()?;
        if timing.heartbeat < Duration::from_millis(10) {
            return Err(entry.bad("it must be at least \"10ms\""));
        }
    }
    let election = section.entry("election_timeout");
    if let Some(entry) = election {
        timing.election_min = entry.duration()?;
    } else if timing.election_min < 3 * timing.heartbeat {
        timing.election_min = 4 * timing.heartbeat;
    }
    if timing.election_min < 3 * timing.heartbeat || timing.election_min > ELECTION_LONGEST {
        let entry = election.or(section.entry("heartbeat_interval"));
        if let Some(entry) = entry {
            return Err(entry.bad("an election timeout must be at least three heartbeats and at most \"60s\""));
        }
    }
    timing.election_max = 2 * timing.election_min;
    Ok(timing)
}

fn entry_size(section: &Section<'_>) -> Result<usize, ConfigError> {
    let Some(entry) = section.entry("max_entry_size") else { return Ok(ENTRY_SIZE) };
    let size = entry.number_in(ENTRY_SIZE_MIN, ENTRY_SIZE_MAX)?;
    Ok(usize::try_from(size).unwrap_or(ENTRY_SIZE))
}
