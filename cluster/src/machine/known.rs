//! What apply knows of records without reading them: of those that batches look at again and again, and of all that the group
//! under way has changed, which the database does not show yet.

use std::collections::HashMap;

use storage::RawKey;
use storage::apply::{Brief, Effects};

use super::position::Position;

/// Between groups it keeps no more than about so many bytes.
const KEPT: usize = 1 << 20;
/// What a record takes beside its key.
const RECORD: usize = 64;

#[derive(Default)]
pub(super) struct Known {
    records: HashMap<RawKey, Option<Brief>>,
    bytes: usize,
}

impl Known {
    /// `None`: that has to be read.
    pub fn get(&self, key: &RawKey) -> Option<Option<Brief>> {
        self.records.get(key).copied()
    }

    pub fn note(&mut self, key: &RawKey, brief: Option<Brief>) {
        match self.records.get_mut(key) {
            Some(known) => *known = brief,
            None => {
                self.bytes += key.as_bytes().len() + RECORD;
                self.records.insert(key.clone(), brief);
            }
        }
    }

    /// The effects have led to the position. They delete no range.
    pub fn follow(&mut self, effects: &Effects, position: &Position) {
        for key in &effects.deletes {
            self.note(key, None);
        }
        for (key, value) in &effects.puts {
            self.note(key, Some(Brief::new(position.revision_of(key), value)));
        }
    }

    /// Everything so far is in the database.
    pub fn settle(&mut self) {
        if self.bytes > KEPT {
            *self = Self::default();
        }
    }

    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
