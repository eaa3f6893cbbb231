//! What core asks of the replicated store about the other cluster. Filled in by the server.
//!
//! The store copies ciphertext and knows both ends by their nodes' keys; what makes the ciphertext readable goes through
//! here as bytes that only the ends understand.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use storage::{Millis, RawKey, Revision, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::replication::Member;

/// How this cluster stands to others. Every member knows it, sealed or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Alone,
    /// Others may copy it.
    Primary { secondaries: Vec<Secondary> },
    /// It takes its replicated records from another cluster and writes none itself.
    Secondary {
        /// What the primary calls it; empty after a demotion, until it is told of a primary.
        id: String,
        /// The primary's members as they were last heard of; none while it has no primary.
        primary: Vec<Member>,
        /// Another cluster has taken its place: it was fenced, not demoted.
        fenced: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secondary {
    pub id: String,
    pub enrolment: Enrolment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// A token was given out, which counts once, until then.
    Invited { expires: Millis },
    /// Its members as they were last heard of.
    Enrolled { members: Vec<Member> },
}

/// What a change of the standing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// From alone to primary.
    EnablePrimary,
    /// From primary to alone: all secondaries are cut off.
    DisablePrimary,
    /// From primary to a secondary without a primary.
    Demote,
    /// On a primary: whoever shows the secret first, by then, is the secondary of that name.
    Invite { id: String, secret_sha256: [u8; 32], expires: Millis },
    /// On a primary: the secondary is cut off at once.
    Revoke { id: String },
    /// From alone, or from a secondary, to the secondary of that primary.
    Follow { id: String, primary: Vec<Member>, reign: u64, adopted: Option<Adopted> },
    /// On a secondary: the same primary, elsewhere. Host and port of cluster listeners.
    Readdress { addresses: Vec<String> },
    /// From secondary to primary, on a new line of history. One whose copy is not complete is refused unless forced; one
    /// that has nothing whole to serve is refused in any case.
    Promote { force: bool },
    /// From secondary to alone, on a new line of history, with what it has.
    Leave,
}

/// What to write in the step in which the primary's records take the place of this cluster's own: cluster-local records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    pub puts: Vec<(RawKey, Bytes)>,
    /// Folders to empty before.
    pub prefix_deletes: Vec<RawKey>,
}

/// A primary's answer to the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    pub id: String,
    /// The member that answered.
    pub by: u64,
    pub primary: Vec<Member>,
    /// Which of the related clusters' primaries it is, counted by promotions.
    pub reign: u64,
    /// Sealed to the question.
    pub welcome: Bytes,
}

/// Where a copy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyState {
    /// There is no primary, or it does not answer.
    #[default]
    Idle,
    /// The first copy is on its way: there is nothing whole to serve yet.
    Copying,
    /// The two states are compared, range by range, and what differs is fetched.
    Comparing,
    /// What differed has arrived and is put in its place.
    Merging,
    /// Every change is followed as it comes.
    Following,
}

/// What had to be compared, since it could not be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub at: Millis,
    /// Why.
    pub reason: String,
    /// Records that were fetched, and records that were taken away.
    pub fetched: u64,
    pub removed: u64,
}

/// Known on the active node of a secondary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondaryProgress {
    pub state: CopyState,
    pub revision: Revision,
    pub primary_revision: Option<Revision>,
    /// Changes that are missing here.
    pub behind: Option<u64>,
    /// For how long this state has not been the primary's.
    pub lag: Option<Duration>,
    /// The member of the primary that answers.
    pub answering: Option<Member>,
    pub last_contact: Option<Duration>,
    pub clock_skew_ms: Option<i64>,
    pub since: Option<Millis>,
    pub last_difference: Option<Difference>,
    /// Why it does not go on.
    pub problem: Option<String>,
}

/// Known on the active node of a primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrimaryProgress {
    pub revision: Revision,
    /// Changes that are kept for secondaries.
    pub feed_bytes: u64,
    pub secondaries: Vec<SecondaryLag>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryLag {
    pub id: String,
    /// The member that asks.
    pub asking: Option<Member>,
    pub last_contact: Option<Duration>,
    pub clock_skew_ms: Option<i64>,
    pub acknowledged: Option<Revision>,
    pub behind: Option<u64>,
    pub lag: Option<Duration>,
}

/// All replicated records at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullHash {
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// Over keys, revisions and values, in the order of keys.
    pub sha256: [u8; 32],
    pub records: u64,
}

#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum DrError {
    /// It cannot be, for a reason; nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// It cannot be now; nothing has changed.
    #[error("{0}")]
    Unavailable(String),
    /// It may have happened.
    #[error("{0}")]
    Unknown(String),
}

#[async_trait]
pub trait Link: Send + Sync {
    fn standing(&self) -> watch::Receiver<Standing>;
    /// None where this cluster is no secondary, or this node is not active.
    fn secondary_progress(&self) -> Option<SecondaryProgress>;
    /// None where this cluster is no primary, or this node is not active.
    fn primary_progress(&self) -> Option<PrimaryProgress>;
    /// On the active node. Changes that depend on the present standing are refused where that is another.
    async fn change(&self, change: Change, deadline: Instant) -> Result<(), DrError>;
    /// Reads every replicated record, as this node has them.
    async fn full_hash(&self) -> Result<FullHash, StoreError> {
        Err(StoreError::Io("this storage is not read as a whole".to_owned()))
    }
    /// On the active node of a cluster that is to be a secondary: shows the secret to the primary. The same node may ask
    /// again with it, should the answer have been lost.
    async fn enroll(
        &self,
        primary: &[Member],
        secret: [u8; 32],
        question: Bytes,
        deadline: Instant,
    ) -> Result<Enrolled, DrError>;
}

/// Of a store that knows no other cluster.
pub struct NoLink(watch::Sender<Standing>);

impl Default for NoLink {
    fn default() -> Self {
        Self(watch::Sender::new(Standing::Alone))
    }
}

#[async_trait]
impl Link for NoLink {
    fn standing(&self) -> watch::Receiver<Standing> {
        self.0.subscribe()
    }
    fn secondary_progress(&self) -> Option<SecondaryProgress> {
        None
    }
    fn primary_progress(&self) -> Option<PrimaryProgress> {
        None
    }
    async fn change(&self, _change: Change, _deadline: Instant) -> Result<(), DrError> {
        Err(DrError::Refused("this storage cannot be copied by another cluster".to_owned()))
    }
    async fn enroll(
        &self,
        _primary: &[Member],
        _secret: [u8; 32],
        _question: Bytes,
        _deadline: Instant,
    ) -> Result<Enrolled, DrError> {
        Err(DrError::Refused("this storage cannot copy another cluster".to_owned()))
    }
}
