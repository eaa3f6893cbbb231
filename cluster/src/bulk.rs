//! Loading the replicated keys anew, from a backup: what the entries of a load say.
//!
//! ```text
//! begin(id) ─► chunk(id, 0), chunk(id, 1), … ─┬─► switch(id, …)               or   end(id)
//!                                             └─► merge(id, …), step(id), …
//! ```
//!
//! A load fills a generation beside the current one, which nobody reads, and a switch makes it current on every node at
//! the same entry. One load is under way at most: beginning another removes what the one before has left. A chunk that is
//! not the next one of the load under way changes nothing, and neither does a switch that has not seen every chunk, or whose checks fail; so a
//! load whose leader is gone can be ended by the next leader, and nothing of it can come later. Once a merge has begun,
//! all that it needs is on every node, and whoever leads brings it to its end.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Check, Epoch, RawKey, Revision};

/// Names one load, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadId(pub [u8; 16]);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bulk {
    Begin(LoadId),
    Chunk(Arc<Chunk>),
    Switch(Arc<Switch>),
    End(LoadId),
    /// From now on what was loaded is not a state but the difference to one, and is put in its place.
    Merge(Arc<Merge>),
    /// A bounded part of that.
    Step(LoadId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub load: LoadId,
    /// Counts from 0.
    pub number: u32,
    /// Replicated keys, and values as they lie in the state: whoever proposes them has checked them. An empty value stands for
    /// a record to take away, in a load that will be merged.
    pub records: Vec<(RawKey, Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub load: LoadId,
    /// How many chunks the load has.
    pub chunks: u32,
    /// The line of history that it is on then.
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
    pub landing: Landing,
}

/// Where a switch arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Landing {
    /// On a new line of history, above the one that ends.
    Raised,
    /// At a moment of another cluster's history, exactly. Only a secondary that is to adopt one does that, and what it keeps for
    /// that step is written on top.
    Adopted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    pub load: LoadId,
    /// How many chunks the load has.
    pub chunks: u32,
    /// Where the state stood that the difference was made from; on any other it is none.
    pub base: (Revision, [u8; 32]),
    /// Where it stands once all of it is in its place.
    pub revision: Revision,
    pub fingerprint: [u8; 32],
}

impl Chunk {
    /// About how large its log entry will be, in bytes.
    pub fn size(&self) -> usize {
        self.records.iter().map(|(key, value)| key.as_bytes().len() + value.len() + 8).sum::<usize>() + 64
    }
}
