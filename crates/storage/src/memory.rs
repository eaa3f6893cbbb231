//! The sealed store in memory: for tests of everything above the cluster.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::apply::{Brief, Refusal, decide};
use crate::{
    Batch, Change, Changed, CommitError, Committed, Epoch, Journal, Ran, RawKey, RequestId, Revision, SealedSnapshot,
    SealedStore, Step, StoreError, Stored, Term,
};

/// Remembered ids; the oldest go first.
const OUTCOMES_MAX: usize = 10_000;

#[derive(Clone, Default)]
struct State {
    data: Arc<BTreeMap<Vec<u8>, Stored>>,
    revision: Revision,
    local_n: u64,
    index: u64,
    outcomes: BTreeMap<RequestId, Ran>,
}

/// Holds everything in one map; a snapshot shares it until the next write.
pub struct MemoryStore {
    state: Mutex<State>,
    journal: Arc<Journal>,
    max_entry_size: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(1024 * 1024)
    }
}

impl MemoryStore {
    pub fn new(max_entry_size: usize) -> Self {
        let revision = Revision { epoch: Epoch { number: 1, bits: 0 }, n: 0 };
        let journal = Arc::new(Journal::default());
        journal.note(revision, Change::Everything);
        Self { state: Mutex::new(State { revision, ..State::default() }), journal, max_entry_size }
    }
}

impl MemoryStore {
    /// Puts these replicated records in the place of all that are there, on a new line of history, and the batch's on top.
    pub fn replace(&self, records: Vec<(RawKey, Stored)>, n: u64, on_top: Batch) -> Revision {
        let number = self.state.lock().revision.epoch.number + 1;
        let revision = Revision { epoch: Epoch { number, bits: 0 }, n: n + 1 };
        self.replace_on(records, revision, on_top);
        revision
    }

    /// Goes over to that revision with what there is.
    pub fn begin_line(&self, revision: Revision) {
        let mut state = self.state.lock();
        self.journal.note(revision, Change::Everything);
        (state.revision, state.index) = (revision, state.index + 1);
    }

    /// The same on that line of history, whichever it is.
    pub fn replace_on(&self, records: Vec<(RawKey, Stored)>, revision: Revision, on_top: Batch) {
        let mut state = self.state.lock();
        self.journal.note(revision, Change::Everything);
        let data = Arc::make_mut(&mut state.data);
        data.retain(|key, _| key.first() != Some(&(crate::Class::Replicated as u8)));
        data.extend(records.into_iter().map(|(key, stored)| (key.into_bytes(), stored)));
        for prefix in &on_top.prefix_deletes {
            data.retain(|key, _| !key.starts_with(prefix.as_bytes()));
        }
        for (key, value) in on_top.puts {
            data.insert(key.into_bytes(), Stored { revision, value: crate::Value::Bytes(value) });
        }
        (state.revision, state.index) = (revision, state.index + 1);
    }
}

struct MemorySnapshot {
    data: Arc<BTreeMap<Vec<u8>, Stored>>,
    revision: Revision,
    journal: Arc<Journal>,
}

impl SealedSnapshot for MemorySnapshot {
    fn get(&self, key: &RawKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.data.get(key.as_bytes()).cloned())
    }

    fn walk(
        &self,
        prefix: &RawKey,
        from: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], Stored) -> Result<Step, StoreError>,
    ) -> Result<(), StoreError> {
        let prefix = prefix.as_bytes();
        let mut at = from.filter(|f| *f > prefix).unwrap_or(prefix).to_vec();
        let mut bound = Bound::Included(at.clone());
        loop {
            let Some((key, stored)) = self.data.range::<Vec<u8>, _>((bound, Bound::Unbounded)).next() else {
                return Ok(());
            };
            if !key.starts_with(prefix) {
                return Ok(());
            }
            bound = match visit(key, stored.clone())? {
                Step::Next => Bound::Excluded(key.clone()),
                Step::Seek(to) => {
                    at = to.max(key.clone());
                    if at == *key { Bound::Excluded(at.clone()) } else { Bound::Included(at.clone()) }
                }
                Step::Stop => return Ok(()),
            };
        }
    }

    fn revision(&self) -> Revision {
        self.revision
    }

    /// There is one history, so nothing to tell it from.
    fn fingerprint(&self) -> [u8; 32] {
        [0; 32]
    }

    fn changes_since(&self, after: Revision) -> Option<Vec<(u64, Arc<Changed>)>> {
        self.journal.between(after, self.revision)
    }
}

#[async_trait]
impl SealedStore for MemoryStore {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        let state = self.state.lock();
        let (data, journal) = (Arc::clone(&state.data), Arc::clone(&self.journal));
        Ok(Arc::new(MemorySnapshot { data, revision: state.revision, journal }))
    }

    async fn commit(&self, _term: Term, batch: Batch) -> Result<Committed, CommitError> {
        let size = batch.size();
        if size > self.max_entry_size {
            return Err(CommitError::TooLarge { size, limit: self.max_entry_size });
        }
        let mut state = self.state.lock();
        if let Some(ran) = state.outcomes.get(&batch.id) {
            return Err(CommitError::Repeated(ran.clone()));
        }
        state.index += 1;
        let data = Arc::clone(&state.data);
        let effects =
            match decide(&batch, state.revision.epoch, &mut |key| Ok(data.get(key.as_bytes()).map(Brief::from))) {
                Err(error) => return Err(CommitError::Unavailable(error.to_string())),
                Ok(Err(Refusal::Conflict(key))) => return Err(CommitError::Conflict { key }),
                Ok(Err(Refusal::Floor(key))) => return Err(CommitError::Floor { key }),
                Ok(Ok(effects)) => effects,
            };
        drop(data);
        if effects.replicated {
            state.revision = state.revision.next();
        }
        if let Some(change) = Change::of(&effects) {
            self.journal.note(state.revision, change);
        }
        state.local_n += 1;
        let revision = state.revision;
        let local = Revision { epoch: Epoch::default(), n: state.local_n };
        let data = Arc::make_mut(&mut state.data);
        for prefix in &effects.prefix_deletes {
            data.retain(|key, _| !key.starts_with(prefix.as_bytes()));
        }
        for key in &effects.deletes {
            data.remove(key.as_bytes());
        }
        for (key, value) in effects.puts {
            let revision = if key.class() == crate::Class::Replicated { revision } else { local };
            data.insert(key.into_bytes(), Stored { revision, value });
        }
        state.outcomes.insert(batch.id, Ran { revision, answer: batch.outcome });
        if state.outcomes.len() > OUTCOMES_MAX {
            state.outcomes.pop_first();
        }
        Ok(Committed { revision, index: state.index, counters: effects.counters })
    }

    fn applied(&self) -> u64 {
        self.state.lock().index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clear, suite};

    #[tokio::test]
    async fn keeps_the_sealed_contract() {
        suite::sealed::run(|| async { (Arc::new(MemoryStore::default()) as Arc<dyn SealedStore>, Term(1)) }).await;
    }

    #[tokio::test]
    async fn carries_the_open_contract() {
        suite::open::run(Arc::new(MemoryStore::default()), Arc::new(Clear), Term(1)).await;
    }
}
