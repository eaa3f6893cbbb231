//! `storage "raft"`: where this node keeps its data, who it is, and how patient the cluster is.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use super::declared::Takes::{Bytes, Duration as Time, Flag, Number, Path, Text};
use super::declared::Why::{Enterprise, NotOffered, Obsolete};
use super::declared::{Key, Table};
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
    /// `retry_join_as_non_voter`: whether this node, once let in, stays without a vote.
    pub retry_join_as_non_voter: bool,
    /// `min_free_space` (ours): below so many free bytes the disk counts as full.
    pub min_free_space: u64,
    /// `read_index_only` (ours): asks a quorum on every read instead of trusting the leader's lease, for hosts whose
    /// monotonic clock stands still while they are paused.
    pub read_index_only: bool,
    /// `snapshot_rate_limit` (ours): bytes of the whole state that this node sends to another one in a second.
    pub snapshot_rate_limit: Option<NonZeroU64>,
    /// `replication_feed_max_size` (ours): bytes that a primary keeps for secondaries that are behind.
    pub replication_feed_max_size: u64,
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
const SNAPSHOT_RATE: u64 = 64 << 20;
const SNAPSHOT_RATE_MIN: u64 = 1 << 20;
const FEED_SIZE: u64 = 1 << 30;
const FEED_SIZE_MIN: u64 = 1 << 20;
const FREE_SPACE: u64 = 128 << 20;
const FREE_SPACE_MAX: u64 = 1 << 40;
const ELECTION_LONGEST: Duration = Duration::from_secs(60);

pub const TABLE: Table = Table {
    label: "raft",
    about: "Where this node keeps its data, who it is, and how patient the cluster is. Required; `backend` means the same.",
    keys: &[&[
        Key::new("path", Path, "", "The folder of everything this node keeps. Required.")
            .after("HOLDFAST_RAFT_PATH, VAULT_RAFT_PATH"),
        Key::new(
            "node_id",
            Text,
            "",
            "This node's name in the cluster; no two may be alike. Without one it is the host's name.",
        )
        .after("HOLDFAST_RAFT_NODE_ID, VAULT_RAFT_NODE_ID"),
        Key::new(
            "performance_multiplier",
            Number,
            "1",
            "Stretches heartbeat and election timeout, 1 to 10; 0 is 1. Must be the same on all nodes.",
        ),
        Key::new(
            "heartbeat_interval",
            Time,
            "50ms",
            "How often the active node is heard of; at least `10ms`. Must be the same on all nodes.",
        ),
        Key::new(
            "election_timeout",
            Time,
            "200ms",
            "After how long without it, and up to twice as long, another node takes over; at least three heartbeats. Must be \
             the same on all nodes.",
        ),
        Key::new("max_entry_size", Bytes, "1048576", "The largest write, from 64 KiB to 8 MiB."),
        Key::new(
            "min_free_space",
            Bytes,
            "134217728",
            "With less room than this on the disk of `path` a node takes no more writes, and leads only where no other can; up \
             to 1 TiB. 0 is never.",
        ),
        Key::new(
            "read_index_only",
            Flag,
            "false",
            "Asks a majority at every read instead of trusting the active node's lease: for hosts whose monotonic clock \
             stands still while they are paused.",
        ),
        Key::new(
            "snapshot_rate_limit",
            Bytes,
            "67108864",
            "How many bytes a second this node sends when another one needs the whole state, because it is new or was away for \
             long; at least 1 MiB, 0 for as many as there is room for.",
        ),
        Key::new(
            "replication_feed_max_size",
            Bytes,
            "1073741824",
            "How many bytes of changes a DR primary keeps on its disk for secondaries that are behind, about; at least 1 MiB. A \
             secondary that is further behind compares its records with the primary's, and fetches what differs.",
        ),
        Key::new(
            "retry_join_as_non_voter",
            Flag,
            "false",
            "Joins without a vote, and stays without until it is promoted. Only with a `retry_join`.",
        )
        .after("HOLDFAST_RAFT_RETRY_JOIN_AS_NON_VOTER, VAULT_RAFT_RETRY_JOIN_AS_NON_VOTER"),
        Key::blocks("retry_join", 0, &[&retry_join::TABLE]),
        Key::ignored("autopilot_reconcile_interval", NotOffered, "members are looked at every two seconds"),
        Key::ignored("autopilot_update_interval", NotOffered, "members are looked at every two seconds"),
        Key::ignored("autopilot_redundancy_zone", Enterprise, "every member counts alike"),
        Key::ignored("autopilot_upgrade_version", Enterprise, "members of several versions work together"),
        Key::ignored("max_mount_and_namespace_table_entry_size", Obsolete, "a mount is a record of its own"),
        Key::ignored("max_transaction_size", NotOffered, "`max_entry_size` bounds a transaction"),
        Key::ignored("max_transaction_entries", NotOffered, "`max_entry_size` bounds a transaction"),
        Key::ignored("raft_log_verifier_enabled", NotOffered, "the store checks what it reads"),
        Key::ignored("raft_log_verification_interval", NotOffered, "the store checks what it reads"),
        Key::ignored("raft_wal", NotOffered, "there is one kind of log"),
        Key::ignored("snapshot_delay", NotOffered, "the log and its snapshots look after themselves"),
        Key::ignored("snapshot_interval", NotOffered, "the log and its snapshots look after themselves"),
        Key::ignored("snapshot_threshold", NotOffered, "the log and its snapshots look after themselves"),
        Key::ignored("trailing_logs", NotOffered, "the log and its snapshots look after themselves"),
    ]],
};

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
    let mut blocks = top.blocks("storage")?;
    blocks.extend(top.blocks("backend")?);
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
    let path = section.path("path")?;
    let path =
        environment.raft_path().or(path).ok_or_else(|| missing("path", "it names the folder for this node's data"))?;
    let storage = RaftStorage {
        path,
        node_id: node_id(&section, environment)?
            .ok_or_else(|| missing("node_id", "it names this node; no two of a cluster may be alike"))?,
        timing: timing(&section)?,
        max_entry_size: entry_size(&section)?,
        retry_join_as_non_voter: non_voter(&section, environment)?,
        retry_join: retry_join::read(&section, warnings)?,
        min_free_space: free_space(&section)?,
        read_index_only: section.flag("read_index_only")?.unwrap_or(false),
        snapshot_rate_limit: snapshot_rate(&section)?,
        replication_feed_max_size: section
            .entry("replication_feed_max_size")
            .map_or(Ok(FEED_SIZE), |entry| entry.number_in(FEED_SIZE_MIN, u64::MAX))?,
    };
    section.finish(warnings)?;
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

fn non_voter(section: &Section<'_>, environment: &Environment) -> Result<bool, ConfigError> {
    let wanted = match (environment.raft_non_voter()?, section.flag("retry_join_as_non_voter")?) {
        (Some(set), _) => set,
        (None, written) => written.unwrap_or(false),
    };
    if wanted && section.blocks("retry_join")?.is_empty() {
        let problem = "retry_join_as_non_voter needs a retry_join: a node that founds a cluster has a vote".to_owned();
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    Ok(wanted)
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

fn snapshot_rate(section: &Section<'_>) -> Result<Option<NonZeroU64>, ConfigError> {
    let Some(entry) = section.entry("snapshot_rate_limit") else { return Ok(NonZeroU64::new(SNAPSHOT_RATE)) };
    let rate = entry.number_in(0, u64::MAX)?;
    if (1..SNAPSHOT_RATE_MIN).contains(&rate) {
        return Err(entry.bad("it must be at least 1048576 bytes a second, or 0 for no limit"));
    }
    Ok(NonZeroU64::new(rate))
}

fn free_space(section: &Section<'_>) -> Result<u64, ConfigError> {
    section.entry("min_free_space").map_or(Ok(FREE_SPACE), |entry| entry.number_in(0, FREE_SPACE_MAX))
}

fn entry_size(section: &Section<'_>) -> Result<usize, ConfigError> {
    let Some(entry) = section.entry("max_entry_size") else { return Ok(ENTRY_SIZE) };
    let size = entry.number_in(ENTRY_SIZE_MIN, ENTRY_SIZE_MAX)?;
    Ok(usize::try_from(size).unwrap_or(ENTRY_SIZE))
}
