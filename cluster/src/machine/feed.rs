//! What changed, for whoever keeps something derived from it.
//!
//! A bounded broadcast: a consumer that falls behind, or a change of very many keys, learns only that anything may have
//! changed. Nothing correct may depend on having heard a change in time.

use std::sync::Arc;

use storage::apply::Effects;
use storage::{RawKey, Revision};
use tokio::sync::broadcast;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The log index of the entry that made it.
    pub index: u64,
    /// The state's revision after it.
    pub revision: Revision,
    /// The keys put and deleted.
    pub keys: Arc<[RawKey]>,
    /// The prefixes that were emptied.
    pub prefixes: Arc<[RawKey]>,
    /// Any key may have changed.
    pub everything: bool,
}

impl Change {
    pub(super) fn of(index: u64, revision: Revision, effects: &Effects) -> Self {
        if effects.puts.len() + effects.deletes.len() + effects.prefix_deletes.len() > KEYS {
            return Self::everything(index, revision);
        }
        let keys = effects.puts.keys().chain(&effects.deletes).cloned().collect();
        Self { index, revision, keys, prefixes: effects.prefix_deletes.clone().into(), everything: false }
    }

    pub fn everything(index: u64, revision: Revision) -> Self {
        Self { index, revision, keys: Arc::default(), prefixes: Arc::default(), everything: true }
    }
}

pub(super) fn channel() -> broadcast::Sender<Change> {
    broadcast::channel(CHANGES).0
}

/// How many changes a consumer may lag behind.
const CHANGES: usize = 1024;
/// How many keys one change names.
const KEYS: usize = 1024;
