//! Positions in the history of the replicated keys, and the time that batches carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which line of history a revision belongs to. Restore, recovery and promotion raise the number; equal numbers with
/// different bits are a fork. A cluster that becomes the copy of another goes over to that one's, whatever its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Epoch {
    pub number: u32,
    pub bits: u64,
}

impl Epoch {
    /// Bytes of its fixed encoding: number, bits, each big-endian.
    pub const LEN: usize = 12;
}

/// The position that a batch changing replicated keys has taken. It survives restore and promotion, which Raft
/// indexes do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    pub epoch: Epoch,
    pub n: u64,
}

impl Revision {
    /// Bytes of the fixed encoding: epoch number, epoch bits, n, each big-endian.
    pub const LEN: usize = 20;

    /// Whether who has seen `seen` has seen this too. Of two lines of history neither comes first: that of another cluster,
    /// which this one may go over to, bears any number.
    pub fn is_known_to(self, seen: Self) -> bool {
        self.epoch == seen.epoch && self.n <= seen.n
    }

    #[must_use]
    pub fn next(self) -> Self {
        Self { n: self.n + 1, ..self }
    }

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..4].copy_from_slice(&self.epoch.number.to_be_bytes());
        out[4..12].copy_from_slice(&self.epoch.bits.to_be_bytes());
        out[12..].copy_from_slice(&self.n.to_be_bytes());
        out
    }

    /// The revision at the start of `bytes`, if there are enough of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let number = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let bits = u64::from_be_bytes(bytes.get(4..12)?.try_into().ok()?);
        let n = u64::from_be_bytes(bytes.get(12..20)?.try_into().ok()?);
        Some(Self { epoch: Epoch { number, bits }, n })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}-{}", self.epoch.number, self.epoch.bits, self.n)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a revision is written number-bits-n, as 1-00c0ffee00c0ffee-42")]
pub struct NotARevision;

impl FromStr for Revision {
    type Err = NotARevision;

    fn from_str(text: &str) -> Result<Self, NotARevision> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(NotARevision);
        let number = part()?.parse().map_err(|_| NotARevision)?;
        let bits = u64::from_str_radix(part()?, 16).map_err(|_| NotARevision)?;
        let n = part()?.parse().map_err(|_| NotARevision)?;
        if parts.next().is_some() {
            return Err(NotARevision);
        }
        Ok(Self { epoch: Epoch { number, bits }, n })
    }
}

/// Milliseconds since 1970-01-01 UTC, as the proposer of a batch saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    #[must_use]
    pub fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long until `later`; zero when that has passed.
    pub fn until(self, later: Millis) -> std::time::Duration {
        std::time::Duration::from_millis(later.0.saturating_sub(self.0))
    }
}
