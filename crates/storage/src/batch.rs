//! A write: one batch, one log entry, applied whole or not at all.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Epoch, Millis, RawKey, Revision};

/// Names one request across nodes, so that what became of it can be asked. It begins with the Raft index that the
/// node which took the request had applied then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId {
    pub applied: u64,
    pub random: [u8; 16],
}

impl RequestId {
    pub const LEN: usize = 24;

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..8].copy_from_slice(&self.applied.to_be_bytes());
        out[8..].copy_from_slice(&self.random);
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let applied = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        let random = bytes.get(8..24)?.try_into().ok()?;
        (bytes.len() == Self::LEN).then_some(Self { applied, random })
    }
}

/// The random part as a UUID, which is how the wire shows a request's id.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Uuid::from_bytes(self.random).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}@{}", self.applied)
    }
}

/// What a transaction relied on: this key still has this revision (or is still absent).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub key: RawKey,
    pub revision: Option<Revision>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CounterOp {
    Set(i64),
    /// Refused, and the whole batch with it, when the sum would fall below the floor or the counter is absent.
    Add {
        by: i64,
        floor: i64,
    },
}

/// Counters are plain integers in the store: apply sees only ciphertext elsewhere and could not count inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterChange {
    pub key: RawKey,
    pub op: CounterOp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: RequestId,
    /// The proposer's clock.
    pub now: Millis,
    /// The line of history that the transaction read from. On any other, a restored one for instance, the batch is
    /// refused: what it read, and the keys it is sealed with, are not those of that line.
    pub epoch: Option<Epoch>,
    pub checks: Vec<Check>,
    pub puts: Vec<(RawKey, Bytes)>,
    pub deletes: Vec<RawKey>,
    pub prefix_deletes: Vec<RawKey>,
    pub counters: Vec<CounterChange>,
    /// For a forwarded request: its sealed answer, kept for whoever asks what became of `id`.
    pub outcome: Option<Bytes>,
}

impl Batch {
    pub fn new(id: RequestId, now: Millis) -> Self {
        Self {
            id,
            now,
            epoch: None,
            checks: Vec::new(),
            puts: Vec::new(),
            deletes: Vec::new(),
            prefix_deletes: Vec::new(),
            counters: Vec::new(),
            outcome: None,
        }
    }

    /// Whether it would change nothing.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty() && self.prefix_deletes.is_empty() && self.counters.is_empty()
    }

    /// About how large its log entry will be, in bytes.
    pub fn size(&self) -> usize {
        const OVERHEAD: usize = 16;
        let key = |k: &RawKey| k.as_bytes().len() + OVERHEAD;
        self.checks.iter().map(|c| key(&c.key) + Revision::LEN).sum::<usize>()
            + self.puts.iter().map(|(k, v)| key(k) + v.len()).sum::<usize>()
            + self.deletes.iter().chain(&self.prefix_deletes).map(key).sum::<usize>()
            + self.counters.iter().map(|c| key(&c.key) + 16).sum::<usize>()
            + self.outcome.as_ref().map_or(0, Bytes::len)
            + RequestId::LEN
            + Epoch::LEN
            + OVERHEAD
    }
}

/// What a batch came to that was applied before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The state's revision after it.
    pub revision: Revision,
    /// The sealed answer that was kept with it, if one was.
    pub answer: Option<Bytes>,
}

/// What a committed batch has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The state's revision after it.
    pub revision: Revision,
    /// The Raft index it was applied at.
    pub index: u64,
    /// The counters' values after it, in the batch's order.
    pub counters: Vec<i64>,
}
