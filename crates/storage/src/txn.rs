//! Writing: a snapshot to read from and a buffer of changes over it, which together become one batch.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::open::Child;
use crate::view::{decode, read_record, record, relative, to_record};
use crate::{
    Access, CounterOp, Epoch, LatchSet, OpenSnapshot, Path, PathKey, Read, Revision, Sealer, Seg, View, listing,
};

/// A batch before it is sealed: everything in the clear.
#[derive(Default)]
pub struct OpenBatch {
    /// The line of history that its transaction read from.
    pub epoch: Option<Epoch>,
    pub checks: Vec<(Path, Option<Revision>)>,
    pub puts: Vec<(Path, Zeroizing<Vec<u8>>)>,
    pub deletes: Vec<Path>,
    pub prefix_deletes: Vec<Path>,
    pub counters: Vec<(Path, CounterOp)>,
    /// What seals it, if that is not the store's own.
    pub sealer: Option<Arc<dyn Sealer>>,
}

impl OpenBatch {
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty() && self.prefix_deletes.is_empty() && self.counters.is_empty()
    }
}

#[derive(Default)]
struct Buffer {
    checks: BTreeMap<Path, Option<Revision>>,
    /// `None` deletes.
    writes: BTreeMap<Path, Option<Zeroizing<Vec<u8>>>>,
    prefix_deletes: BTreeSet<Path>,
    counters: BTreeMap<Path, CounterOp>,
}

impl Buffer {
    fn is_deleted(&self, path: &Path) -> bool {
        self.writes.get(path).is_some_and(Option::is_none)
            || self.prefix_deletes.iter().any(|gone| path.is_within(gone))
    }

    fn writes_within<'a>(
        &'a self,
        folder: &'a Path,
    ) -> impl Iterator<Item = (&'a Path, &'a Option<Zeroizing<Vec<u8>>>)> + 'a {
        self.writes.range(folder.clone()..).take_while(move |(path, _)| path.is_within(folder))
    }

    fn deletes_within(&self, folder: &Path) -> bool {
        self.prefix_deletes.iter().any(|gone| gone.is_within(folder) || folder.is_within(gone))
            || self.writes_within(folder).any(|(_, value)| value.is_none())
    }
}

/// One transaction's reads and writes, over all the spaces it touches.
pub struct TxnState {
    snapshot: OpenSnapshot,
    buffer: RefCell<Buffer>,
    latches: RefCell<LatchSet>,
    sealer: Option<Arc<dyn Sealer>>,
}

impl TxnState {
    pub fn new(snapshot: OpenSnapshot, latches: LatchSet) -> Self {
        Self { snapshot, buffer: RefCell::default(), latches: RefCell::new(latches), sealer: None }
    }

    /// The transaction as one space sees it.
    pub fn at(&mut self, space: Path) -> Txn<'_> {
        Txn { state: self, space }
    }

    /// Reads of another space that the batch does not rely on.
    pub fn view(&self, space: Path) -> View {
        View::new(self.snapshot.clone(), space)
    }

    /// Whether this transaction has changed the record, or a folder that it lies in.
    pub fn changes(&self, path: &Path) -> bool {
        let buffer = self.buffer.borrow();
        buffer.writes.contains_key(path)
            || buffer.counters.contains_key(path)
            || buffer.prefix_deletes.iter().any(|folder| path.is_within(folder))
    }

    /// Makes the batch rely on a record that was read before the transaction began.
    pub fn rely_on(&mut self, path: Path, revision: Option<Revision>) {
        self.buffer.get_mut().checks.insert(path, revision);
    }

    /// What it came to, and the latches, which the caller keeps until the batch is committed.
    pub fn finish(self) -> (OpenBatch, LatchSet) {
        let buffer = self.buffer.into_inner();
        let mut batch = OpenBatch {
            epoch: Some(self.snapshot.state_revision().epoch),
            checks: buffer.checks.into_iter().collect(),
            prefix_deletes: buffer.prefix_deletes.into_iter().collect(),
            counters: buffer.counters.into_iter().collect(),
            sealer: self.sealer,
            ..OpenBatch::default()
        };
        for (path, write) in buffer.writes {
            match write {
                Some(value) => batch.puts.push((path, value)),
                None => batch.deletes.push(path),
            }
        }
        (batch, self.latches.into_inner())
    }
}

/// A transaction inside one space. Reads see its own writes, but for [`range`](Read::range): the order in the store is that
/// of sealed names, which is not known here.
///
/// Within one batch range deletes apply before single writes, so a record written after its folder was emptied stays.
pub struct Txn<'a> {
    state: &'a mut TxnState,
    space: Path,
}

impl Txn<'_> {
    /// The same transaction in another space.
    pub fn elsewhere(&mut self, space: Path) -> Txn<'_> {
        Txn { state: self.state, space }
    }

    /// From now on this transaction reads and writes through a sealer that is made of the one so far: it may hold keys that
    /// nobody else has, as those of what is being made.
    pub fn reseal(&mut self, layer: impl FnOnce(Arc<dyn Sealer>) -> Arc<dyn Sealer>) {
        self.state.snapshot = self.state.snapshot.clone().resealed(layer);
        self.state.sealer = Some(self.state.snapshot.sealer());
    }

    /// This space as it was when the transaction began; the batch does not rely on what is read there.
    pub fn as_view(&self) -> View {
        self.state.view(self.space.clone())
    }

    /// Reads what is going to be written: the batch relies on it, and other writers of it wait.
    pub fn get_for_update<T: DeserializeOwned>(&self, key: &PathKey) -> Result<Option<T>, Access> {
        self.latch(key)?;
        self.get(key)
    }

    /// Takes the place in the queue of this record's writers.
    pub fn latch(&self, key: &PathKey) -> Result<(), Access> {
        let path = self.space.join(key);
        if self.state.latches.borrow_mut().try_take(&path) { Ok(()) } else { Err(Access::Busy) }
    }

    pub fn put<T: Serialize + ?Sized>(&mut self, key: &PathKey, value: &T) -> Result<(), Access> {
        let record = Zeroizing::new(to_record(value)?);
        self.write(key, Some(record));
        Ok(())
    }

    pub fn put_bytes(&mut self, key: &PathKey, bytes: &[u8]) {
        self.write(key, Some(Zeroizing::new(record(bytes))));
    }

    pub fn delete(&mut self, key: &PathKey) {
        self.write(key, None);
    }

    /// Deletes the folder and everything in it.
    pub fn delete_folder(&mut self, folder: &PathKey) {
        let path = self.space.join(folder);
        let buffer = self.state.buffer.get_mut();
        buffer.writes.retain(|p, _| !p.is_within(&path));
        buffer.counters.retain(|p, _| !p.is_within(&path));
        buffer.prefix_deletes.insert(path);
    }

    pub fn set_counter(&mut self, key: &PathKey, n: i64) {
        let path = self.space.join(key);
        self.state.buffer.get_mut().counters.insert(path, CounterOp::Set(n));
    }

    /// Adds at apply, not here: the batch fails if the sum would fall below the floor. What is added to one counter several
    /// times is added as a whole.
    pub fn add_counter(&mut self, key: &PathKey, by: i64, floor: i64) {
        let path = self.space.join(key);
        let counters = &mut self.state.buffer.get_mut().counters;
        let op = match counters.get(&path) {
            None => CounterOp::Add { by, floor },
            Some(CounterOp::Set(n)) => CounterOp::Set(n.saturating_add(by)),
            Some(CounterOp::Add { by: before, floor: other }) => {
                let by = before.saturating_add(by);
                // What makes it no smaller needs no floor.
                CounterOp::Add { by, floor: if by < 0 { floor.max(*other) } else { floor.min(*other) } }
            }
        };
        counters.insert(path, op);
    }

    /// Removes a counter.
    pub fn delete_counter(&mut self, key: &PathKey) {
        let path = self.space.join(key);
        self.state.buffer.get_mut().counters.remove(&path);
        self.write(key, None);
    }

    fn write(&mut self, key: &PathKey, value: Option<Zeroizing<Vec<u8>>>) {
        let path = self.space.join(key);
        self.state.buffer.get_mut().writes.insert(path, value);
    }
}

impl Txn<'_> {
    /// Takes from a stored child what this transaction has deleted of it.
    fn forget_deleted(&self, buffer: &Buffer, folder: &Path, child: &mut Child) -> Result<(), Access> {
        const PAGE: usize = 256;
        let below = |seg: Seg| folder.child(seg);
        for path in [below(Seg::Plain(child.name.clone())), below(Seg::Name(child.name.clone()))] {
            child.record &= !buffer.is_deleted(&path);
            if !child.folder || !buffer.deletes_within(&path) {
                continue;
            }
            let mut after = None;
            child.folder = loop {
                let page = self.state.snapshot.range(&path, after.as_ref(), PAGE)?;
                if page.iter().any(|key| *key != path && !buffer.is_deleted(key)) {
                    break true;
                }
                match page.into_iter().last() {
                    Some(last) => after = Some(last),
                    None => break false,
                }
            };
        }
        Ok(())
    }

    /// The direct children of a folder, unordered, with this transaction's own writes.
    fn children(&self, folder: &PathKey) -> Result<Vec<Child>, Access> {
        let path = self.space.join(folder);
        let buffer = self.state.buffer.borrow();
        let mut children: BTreeMap<Vec<u8>, Child> = BTreeMap::new();
        if !buffer.prefix_deletes.iter().any(|gone| path.is_within(gone)) {
            for mut child in self.state.snapshot.children(&path)? {
                self.forget_deleted(&buffer, &path, &mut child)?;
                children.insert(child.name.clone(), child);
            }
        }
        let depth = path.segs().len();
        for (written, value) in buffer.writes_within(&path) {
            let Some(Seg::Plain(name) | Seg::Name(name)) = written.segs().get(depth) else { continue };
            if value.is_none() {
                continue;
            }
            let child =
                children.entry(name.clone()).or_insert(Child { name: name.clone(), record: false, folder: false });
            if written.segs().len() == depth + 1 {
                child.record = true;
            } else {
                child.folder = true;
            }
        }
        Ok(children.into_values().filter(|c| c.record || c.folder).collect())
    }
}

impl Read for Txn<'_> {
    fn bytes(&self, key: &PathKey) -> Result<Option<(Vec<u8>, Revision)>, Access> {
        let path = self.space.join(key);
        let mut buffer = self.state.buffer.borrow_mut();
        if let Some(write) = buffer.writes.get(&path) {
            return Ok(write.as_ref().map(|value| (value[1..].to_vec(), self.state.snapshot.state_revision())));
        }
        if buffer.prefix_deletes.iter().any(|folder| path.is_within(folder)) {
            return Ok(None);
        }
        let found = read_record(&self.state.snapshot, &path)?;
        buffer.checks.entry(path).or_insert(found.as_ref().map(|(_, revision)| *revision));
        Ok(found)
    }

    fn counter(&self, key: &PathKey) -> Result<Option<i64>, Access> {
        let path = self.space.join(key);
        let buffer = self.state.buffer.borrow();
        let by = match buffer.counters.get(&path) {
            Some(CounterOp::Set(n)) => return Ok(Some(*n)),
            Some(CounterOp::Add { by, .. }) => *by,
            None => 0,
        };
        if buffer.prefix_deletes.iter().any(|folder| path.is_within(folder)) {
            return Ok(None);
        }
        Ok(self.state.snapshot.counter(&path)?.map(|n| n.saturating_add(by)))
    }

    fn page(&self, folder: &PathKey, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
        Ok(listing::page_of(self.children(folder)?, after, limit))
    }

    fn range(&self, folder: &PathKey, after: Option<&PathKey>, limit: usize) -> Result<Vec<PathKey>, Access> {
        let after = after.map(|key| self.space.join(key));
        let found = self.state.snapshot.range(&self.space.join(folder), after.as_ref(), limit)?;
        Ok(found.iter().map(|path| relative(path, &self.space)).collect())
    }

    fn get<T: DeserializeOwned>(&self, key: &PathKey) -> Result<Option<T>, Access> {
        self.bytes(key)?.map(|(bytes, _)| decode(&bytes)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Class, Clear, Latches, MemoryStore, OpenStore};

    #[test]
    fn what_is_added_to_a_counter_several_times_is_one_sum() {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        let mut state = TxnState::new(store.snapshot().unwrap(), Latches::new().begin());
        let mut txn = state.at(Path::root(Class::Replicated));
        let [down, up, set] = ["down", "up", "set"].map(PathKey::kind);
        txn.add_counter(&down, -1, 0);
        txn.add_counter(&down, 3, i64::MIN);
        txn.add_counter(&down, -4, 0);
        txn.add_counter(&up, -1, 0);
        txn.add_counter(&up, 2, -5);
        txn.set_counter(&set, 7);
        txn.add_counter(&set, -2, 0);
        let (batch, _latches) = state.finish();
        let ops: Vec<CounterOp> = batch.counters.into_iter().map(|(_, op)| op).collect();
        let sums = [CounterOp::Add { by: -2, floor: 0 }, CounterOp::Set(5), CounterOp::Add { by: 1, floor: -5 }];
        assert_eq!(ops, sums, "in the order of their names");
    }
}
