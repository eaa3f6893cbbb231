//! What core needs of the replicated store. Filled in by the server with the cluster, by tests with memory.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Batch, Check, Epoch, Millis, Ran, RawKey, RequestId, Revision, SealedStore, Stored, Term};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::autopilot::{AutopilotConfig, AutopilotState};
use crate::dr::Link;

/// How this node stands in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// No leader is known: an election, or no quorum.
    Unknown,
    Standby {
        leader: Leader,
    },
    /// Leads, and has applied everything earlier leaders committed.
    Active {
        term: Term,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leader {
    pub api_address: String,
    pub cluster_address: String,
}

/// One member, as joiners are told and `raft/configuration` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: u64,
    pub name: String,
    /// Of the cluster port, host:port.
    pub address: String,
    pub api_address: String,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
    /// Whether it is to stay without a vote.
    #[serde(default)]
    pub non_voter: bool,
}

#[derive(Clone, Debug)]
pub struct MemberStatus {
    pub member: Member,
    pub voter: bool,
    pub leader: bool,
    /// How long ago it answered; known on the active node alone.
    pub last_contact: Option<std::time::Duration>,
    /// Whether it has said that it is; known on the active node alone.
    pub sealed: Option<bool>,
}

/// What may be done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    Remove,
    /// It gets a vote, as soon as it is complete and stable.
    Promote,
    /// It loses its vote, and stays without.
    Demote,
}

#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum MemberError {
    /// It cannot be, for a reason; nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// It cannot be now; nothing has changed.
    #[error("{0}")]
    Unavailable(String),
    /// It may have happened, or half of it.
    #[error("{0}")]
    Unknown(String),
}

/// The store cannot do it now; what was asked did not happen.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct Unavailable(pub String);

#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ForwardError {
    /// Surely did not run at the other node.
    #[error("the active node was not reached: {0}")]
    NotSent(String),
    /// May have run; the outcome can be asked for.
    #[error("the active node did not answer: {0}")]
    Unclear(String),
}

/// Who wants to know what became of a request. One that still runs is waited for, unless it asks itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Another,
    Itself,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Ran(Ran),
    NotRun,
    /// Too long ago to tell.
    Unknown,
}

/// A member's answer to a node that asked to be unsealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsealedBy {
    pub id: u64,
    pub name: String,
    pub answer: Bytes,
}

/// That this cluster was made of what was left of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The log index of the entry that says so.
    pub index: u64,
    /// Where the recovered log ended.
    pub from_term: u64,
    pub from_index: u64,
    /// Names.
    pub survivors: Vec<String>,
    pub former: Vec<String>,
}

/// Log indexes: up to which the cluster has committed as far as this node knows, and up to which it has applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    pub committed: u64,
    pub applied: u64,
}

impl Position {
    /// Entries that a standby may have before it in normal work. Further behind it has to catch up first: a read there
    /// would wait.
    const IN_STEP: u64 = 1000;

    pub fn is_in_step(self) -> bool {
        self.committed.saturating_sub(self.applied) <= Self::IN_STEP
    }
}

/// Whence a loaded state comes, and what is written on top of it in the same step.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Where it stood in its own history.
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// What `puts` were made from: if that has changed, nothing happens.
    pub checks: Vec<Check>,
    pub puts: Vec<(RawKey, Bytes)>,
    /// Folders to empty before.
    pub prefix_deletes: Vec<RawKey>,
}

#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// Nothing has changed.
    #[error("{0}")]
    Unavailable(String),
    /// All of it has changed, or nothing.
    #[error("{0}")]
    Unknown(String),
}

/// Replicated records on their way in, beside those there are. Dropped, it leaves nothing.
#[async_trait]
pub trait Load: Send {
    /// Adds records, about 1 MiB at a time.
    async fn add(&mut self, records: Vec<(RawKey, Stored)>) -> Result<(), LoadError>;
    /// Makes them the state, on a new line of history, on every node in one step.
    async fn switch(self: Box<Self>, loaded: Loaded) -> Result<Revision, LoadError>;
}

#[async_trait]
pub trait Replication: Send + Sync {
    /// Whether there is a cluster that this node belongs to.
    fn initialised(&self) -> bool;
    fn store(&self) -> Arc<dyn SealedStore>;
    fn role(&self) -> watch::Receiver<Role>;
    fn position(&self) -> Position;
    /// Comes back once this node has applied more than that, or never.
    async fn moved_past(&self, _applied: u64) {
        std::future::pending().await
    }
    fn members(&self) -> Vec<MemberStatus>;
    /// The format that the cluster is at.
    fn format(&self) -> u32 {
        1
    }
    /// Why this version cannot be in a cluster that is at that format, if it cannot.
    fn format_problem(&self, format: u32) -> Option<String> {
        (format != 1).then(|| format!("the cluster is at format {format}, and this version reads none but 1"))
    }
    /// The newest recovery, if there was one.
    fn recovery(&self) -> Option<Recovery> {
        None
    }
    /// The other cluster, of which this one is a copy, or which copies it.
    fn other_cluster(&self) -> Arc<dyn Link>;
    /// The cluster's time, as far as this node knows it.
    fn now(&self) -> Millis;
    /// How old this node's state is at most; unknown while it lacks what it knows to be committed.
    fn staleness(&self) -> Option<std::time::Duration> {
        Some(std::time::Duration::ZERO)
    }
    /// Whether this node's clock agrees with its own past and, on the active node, with the others': else nothing expires.
    fn clock_is_steady(&self) -> bool {
        true
    }
    /// A sealed node votes and replicates, but others should lead.
    fn set_sealed(&self, sealed: bool);

    /// From then on a snapshot of the store shows every write acknowledged before the call. Answers the cluster's
    /// time.
    async fn read_point(&self, deadline: Instant) -> Result<Millis, Unavailable>;

    /// Makes a cluster of this node alone, with this batch as its first.
    async fn found(&self, first: Batch) -> Result<(), Unavailable>;

    /// Begins to load the replicated records anew, on the active node.
    async fn load(&self) -> Result<Box<dyn Load>, LoadError>;
    /// The same on a node that has no cluster: it becomes one of this node alone.
    async fn found_by_load(&self) -> Result<Box<dyn Load>, LoadError>;
    /// The line of history that the state here is on. Another one begins with a load.
    fn epoch(&self) -> watch::Receiver<Epoch>;
    /// A file without a name beside the state, for what is too large for memory.
    fn scratch(&self) -> std::io::Result<std::fs::File>;
    /// Bytes that are free where the state is.
    fn room(&self) -> std::io::Result<u64>;

    /// This node, as it asks to be admitted.
    fn joining(&self) -> Member;
    /// On the active node, once the joiner has proved that it holds the seal.
    async fn admit(&self, joiner: Member, deadline: Instant) -> Result<Vec<Member>, Unavailable>;
    /// On the joiner, which is then brought up to date by the leader.
    async fn enter(&self, members: Vec<Member>) -> Result<(), Unavailable>;

    /// On the active node, which may be the one that is meant: then another takes over first.
    async fn change_member(&self, id: u64, change: MemberChange, deadline: Instant) -> Result<(), MemberError>;
    /// Becomes true when the cluster has removed this node.
    fn removed(&self) -> watch::Receiver<bool>;
    /// Comes to say why this node has stopped, when its state is found not to be that of the others.
    fn diverged(&self) -> watch::Receiver<Option<Arc<str>>>;
    /// How often the members hear of the active node.
    fn heartbeat(&self) -> std::time::Duration {
        std::time::Duration::from_millis(50)
    }
    /// How long they wait for it, at the longest, before they elect another.
    fn election_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_millis(400)
    }
    /// How the members are; known on the active node alone.
    fn autopilot(&self) -> Option<AutopilotState>;
    /// What is set about them. Until it is told, nobody is taken out.
    fn configure_autopilot(&self, config: &AutopilotConfig);

    async fn forward(&self, id: RequestId, payload: Bytes, deadline: Instant) -> Result<Bytes, ForwardError>;
    async fn outcome(&self, id: RequestId, asker: Asker, deadline: Instant) -> Result<Outcome, Unavailable>;

    /// Asks the other members to unseal this node.
    async fn ask_to_unseal(&self, _question: Bytes) -> Result<UnsealedBy, Unavailable> {
        Err(Unavailable("there is no other member".to_owned()))
    }

    /// Gives leadership to the best other voter and stays out of the next elections for a while.
    async fn step_down(&self, deadline: Instant) -> Result<(), Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn a_node_far_behind_is_not_in_step() {
        assert!(Position { committed: 2_000, applied: 1_000 }.is_in_step());
        assert!(!Position { committed: 2_001, applied: 1_000 }.is_in_step());
        assert!(Position { committed: 0, applied: 7 }.is_in_step(), "told nothing yet");
    }
}
