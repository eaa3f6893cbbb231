//! The sealed contract: what the replicated store offers to the barrier. No plaintext secret crosses it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Batch, Changed, Committed, Ran, RawKey, RequestId, Revision};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Bytes(Bytes),
    Counter(i64),
}

/// A value and the revision that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub revision: Revision,
    pub value: Value,
}

/// Where a walk goes after a key.
pub enum Step {
    Next,
    /// To the first key that is not below these bytes. Must not lie before the current key.
    Seek(Vec<u8>),
    Stop,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store could not be read: {0}")]
    Io(String),
    #[error("a stored record is damaged: {0}")]
    Corrupt(String),
    /// The state is of a line of history whose keys are not here.
    #[error("the server is sealed")]
    Sealed,
}

/// The state at one moment. Later commits do not show in it.
pub trait SealedSnapshot: Send + Sync {
    fn get(&self, key: &RawKey) -> Result<Option<Stored>, StoreError>;

    /// Visits the keys that begin with `prefix`, in byte order, starting at `from` if that lies behind the prefix.
    fn walk(
        &self,
        prefix: &RawKey,
        from: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], Stored) -> Result<Step, StoreError>,
    ) -> Result<(), StoreError>;

    /// The state's revision.
    fn revision(&self) -> Revision;

    /// The running hash of the history that led to it: equal revision, equal fingerprint.
    fn fingerprint(&self) -> [u8; 32];

    /// What has changed since `after`, each change with the `n` it led to. None if that is not known.
    fn changes_since(&self, after: Revision) -> Option<Vec<(u64, Arc<Changed>)>>;
}

/// The term of leadership that a transaction began in; it proposes in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term(pub u64);

/// Why a batch did not commit, or why that is not known.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommitError {
    /// Something it relied on has changed: run the transaction again.
    #[error("another request changed what this one relied on")]
    Conflict { key: RawKey },
    /// A counter would have fallen below its floor.
    #[error("a use limit is exhausted")]
    Floor { key: RawKey },
    #[error("the request writes {size} bytes; one transaction may write at most {limit} (max_entry_size)")]
    TooLarge { size: usize, limit: usize },
    /// The batch's id was applied before.
    #[error("the request had already run")]
    Repeated(Ran),
    /// Surely not applied: this node does not lead in that term.
    #[error("this node is not the active one")]
    NotActive,
    /// Surely not applied, for another reason.
    #[error("the cluster cannot take writes: {0}")]
    Unavailable(String),
    /// It may still be applied.
    #[error("it is unknown whether request {0} was carried out")]
    Unknown(RequestId),
}

#[async_trait]
pub trait SealedStore: Send + Sync {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError>;

    /// Proposes the batch and answers once it is durable on a quorum and applied here.
    async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError>;

    /// The Raft index up to which this node has applied: the first half of a new [`RequestId`].
    fn applied(&self) -> u64;
}
