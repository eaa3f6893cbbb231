//! Loading the replicated keys anew, from a backup: what the entries of a load say.
//!
//! ```text
//! begin(id) ─► chunk(id, 0), chunk(id, 1), … ─► switch(id, …)     or   end(id)
//! ```
//!
//! A load fills a generation beside the current one, which nobody reads, and a switch makes it current on every node at
//! the same entry. One load is under way at most: beginning another removes what the one before has left. A chunk that is
//! not the next one of the load under way changes nothing, and neither does a switch that has not seen every chunk, or whose checks fail; so a
//! load whose leader is gone can be ended by the next leader, and nothing of it can come later.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Check, Epoch, RawKey};

/// Names one load, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadId(pub [u8; 16]);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bulk {
    Begin(LoadId),
    Chunk(Arc<Chunk>),
    Switch(Arc<Switch>),
    End(LoadId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub load: LoadId,
    /// Counts from 0.
    pub number: u32,
    /// Replicated keys, and values as they lie in the state: whoever proposes them has checked them.
    pub records: Vec<(RawKey, Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub load: LoadId,
    /// How many chunks the load has.
    pub chunks: u32,
    /// A new line of history, above the one that ends.
    pub epoch: Epoch,
    /// Where the loaded state stood in its own line.
    pub n: u64,
    pub fingerprint: [u8; 32],
    /// What the records to write were made from, in the state that ends.
    pub checks: Vec<Check>,
    /// Records to write on top of what was loaded, in the same step.
    pub puts: Vec<(RawKey, Bytes)>,
    /// Folders to empty before.
    pub prefix_deletes: Vec<RawKey>,
}

impl Chunk {
    /// About how large its log entry will be, in bytes.
    pub fn size(&self) -> usize {
        self.records.iter().map(|(key, value)| key.as_bytes().len() + value.len() + 8).sum::<usize>() + 64
    }
}
