//! The consensus library's types, fixed for this product, and every setting of it.
//!
//! The library is an alpha: nothing outside this crate names it, and inside the crate its types are met under the
//! names given here. What goes to disk or over the wire is never its serde form but the encoding in
//! [`log::encoding`](crate::log::encoding).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::apply::Refusal;
use storage::{Batch, Committed, Epoch, Ran, Revision};

use crate::bulk::Bulk;
use crate::dr::{Fed, Stand};
use crate::machine::Machine;
use crate::recovery::Recovered;
use crate::snapshot::Checkpoint;

openraft::declare_raft_types!(
    /// The type parameters of our Raft.
    pub TypeConfig:
        D = Command,
        R = Applied,
        NodeId = u64,
        Node = Member,
);

pub type Raft = openraft::Raft<TypeConfig, Machine>;
pub type NodeId = u64;
pub type LeaderId = openraft::type_config::alias::LeaderIdOf<TypeConfig>;
pub type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub type Payload = openraft::type_config::alias::PayloadOf<TypeConfig>;
pub type Membership = openraft::Membership<NodeId, Member>;
pub type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
pub type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, Checkpoint>;
pub type LogState = openraft::LogState<TypeConfig>;
pub type IoFlushed = openraft::storage::IOFlushed<TypeConfig>;

/// A node of the cluster, as the membership knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: String,
    /// Host and port of its cluster listener.
    pub address: String,
    /// The URL that clients reach it by.
    pub api_address: String,
    /// Its public key, pinned: who it is on the cluster port.
    pub key: [u8; 32],
    /// Whether it is to stay without a vote. One that is not gets one when it has caught up.
    pub non_voter: bool,
}

impl Member {
    /// Whether both are one node, by one name, in one place.
    pub fn is_where(&self, other: &Self) -> bool {
        (&self.name, &self.address, &self.api_address, &self.key)
            == (&other.name, &other.address, &other.api_address, &other.key)
    }
}

/// What a log entry asks of the state machine. Shared, for an entry is held by the log's tail, by replication and by
/// apply at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Batch(Arc<Batch>),
    /// Begins a line of history: at founding and promotion.
    Epoch(Epoch),
    /// A step of loading the replicated keys anew, from a backup.
    Bulk(Bulk),
    /// The cluster goes over to that format, which every member reads.
    Format(u32),
    /// Begins a line of history, and says that the log before was recovered from.
    Recovered(Arc<Recovered>),
    /// Another way of standing to other clusters.
    Stand(Arc<Stand>),
    /// What a primary's state did, in order, on a secondary.
    #[serde(skip)]
    Follow(Arc<[Fed]>),
    /// The feed is kept from that revision on.
    Trim(Revision),
}

impl Command {
    pub fn batch(batch: Batch) -> Self {
        Self::Batch(Arc::new(batch))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch(batch) => write!(f, "batch {}", batch.id),
            Self::Epoch(epoch) => write!(f, "epoch {}", epoch.number),
            Self::Format(format) => write!(f, "format {format}"),
            Self::Recovered(recovered) => write!(f, "recovery behind {}", recovered.from.index),
            Self::Bulk(Bulk::Begin(_)) => write!(f, "begin of a load"),
            Self::Bulk(Bulk::Chunk(chunk)) => write!(f, "chunk {} of a load", chunk.number),
            Self::Bulk(Bulk::Switch(switch)) => write!(f, "switch to epoch {}", switch.epoch.number),
            Self::Bulk(Bulk::End(_)) => write!(f, "end of a load"),
            Self::Bulk(Bulk::Merge(merge)) => write!(f, "merge of {} chunks", merge.chunks),
            Self::Bulk(Bulk::Step(_)) => write!(f, "step of a merge"),
            Self::Stand(stand) => write!(f, "standing {}", stand.seen + 1),
            Self::Follow(steps) => write!(f, "{} steps of the primary", steps.len()),
            Self::Trim(upto) => write!(f, "trim of the feed to {upto}"),
        }
    }
}

/// What became of a log entry. It is handed to the proposer on this node and never leaves it, so the serde that the
/// library asks for covers the empty answer alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// An entry that answers nothing: a leader's first, a membership, an epoch.
    Blank,
    #[serde(skip)]
    Committed(Committed),
    #[serde(skip)]
    Refused(Refusal),
    /// The id was applied before.
    #[serde(skip)]
    Repeated(Ran),
    /// The load that is under way took the entry.
    Loaded,
    /// What was loaded is current, at this revision.
    #[serde(skip)]
    Switched(Revision),
    /// It is not, or no longer, the load under way; nothing changed.
    NotThisLoad,
    /// This cluster is a secondary: what it has is the primary's to change.
    Copies,
    /// The standing was changed, or, if not, another one had been put in its place before.
    #[serde(skip)]
    Stood(bool),
    /// Whether all of the steps followed on the state.
    #[serde(skip)]
    Followed(bool),
}

/// The clock of consensus. `election_max` must be equal on all nodes: a leader trusts its own value as its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(200),
            election_max: Duration::from_millis(400),
        }
    }
}

impl Timing {
    /// How long a node with a past refuses to vote or to campaign after a start. Its lost memory of the leader's last
    /// contact would otherwise let a new leader in while the old one still reads under its lease.
    pub fn restart_hold(&self) -> Duration {
        self.election_max * 6 / 5
    }
}

/// The settings of consensus. Campaigning starts switched off; one task switches it on when this node may lead.
pub fn raft_config(timing: &Timing) -> Result<openraft::Config, openraft::ConfigError> {
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let config = openraft::Config {
        cluster_name: "holdfast".to_owned(),
        heartbeat_interval: millis(timing.heartbeat),
        heartbeat_min_interval: Some(0),
        election_timeout_min: millis(timing.election_min),
        election_timeout_max: millis(timing.election_max),
        enable_elect: false,
        enable_pre_vote: Some(true),
        // A leader that lost its unsynced tail in a crash must not go on in the same term: it would give the ids of
        // entries that the others already hold, and have committed, to different entries.
        enable_leader_restore: Some(false),
        quorum_loss_probe_interval: Some(2 * millis(timing.election_max) + 100),
        // We hand over to a target of our choice, then remove.
        removed_leader_step_down: openraft::StepDownPolicy::Never,
        // The log's byte cap decides how much goes in one message, not a count.
        max_payload_entries: 4096,
        replication_lag_threshold: 1000,
        // Snapshots and purging are ours, by bytes and time: see `snapshot::retention`.
        snapshot_policy: openraft::SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        purge_batch_size: 1024,
        api_channel_size: Some(4096),
        backoff: "20ms 50ms 100ms ...500ms".to_owned(),
        allow_log_reversion: None,
        ..openraft::Config::default()
    };
    #[cfg(feature = "faults")]
    let config = crate::under_test::configured(config);
    config.validate()
}
