//! What apply knows of records without reading them: of those that batches look at again and again, and of all that the group
//! under way has changed, which the database does not show yet.

use std::collections::HashMap;

use storage::RawKey;
use storage::apply::{Brief, Effects};

use super::position::Position;

/// Between groups it keeps no more than so many, about a MiB of them.
const KEPT: usize = 8192;

#[derive(Default)]
pub(super) struct Known(HashMap<RawKey, Option<Brief>>);

impl Known {
    /// `None`: that has to be read.
    pub fn get(&self, key: &RawKey) -> Option<Option<Brief>> {
        self.0.get(key).copied()
    }

    pub fn note(&mut self, key: &RawKey, brief: Option<Brief>) {
        self.0.insert(key.clone(), brief);
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
        if self.0.len() > KEPT {
            self.0 = HashMap::new();
        }
    }

    pub fn forget(&mut self) {
        self.0.clear();
    }
}
