//! Decoded records, kept by the revision they were read at.
//!
//! A lookup reads the record's revision from the snapshot, which costs a point lookup and no decryption, and uses the
//! kept form only if that is the one; as long as the whole state has the revision that it had then, it need not even look.
//! So a cache is never stale and needs nobody to invalidate it.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;
use sdk::Forget;
use serde::de::DeserializeOwned;
use storage::{Access, Path, PathKey, Read, Revision, View};

/// A record, and where it stands: what a transaction relies on.
pub struct Found<T> {
    pub path: Path,
    pub revision: Revision,
    pub value: Arc<T>,
}

pub struct RecordCache<T> {
    kept: Cache<Path, Arc<Kept<T>>>,
    /// How often any was forgotten. Whoever began to read before keeps nothing after.
    forgotten: RwLock<u64>,
}

struct Kept<T> {
    revision: Revision,
    value: Arc<T>,
    /// The newest state in which it was found to be this.
    of_state: Mutex<Revision>,
}

impl<T> Kept<T> {
    fn found(&self, path: Path) -> Found<T> {
        Found { path, revision: self.revision, value: Arc::clone(&self.value) }
    }
}

impl<T: DeserializeOwned> RecordCache<T> {
    pub fn read(&self, view: &View, key: &PathKey) -> Result<Option<Found<T>>, Access> {
        self.read_with(view, key, |bytes| {
            serde_json::from_slice(bytes).map_err(|e| Access::Broken(format!("a record is not of its kind: {e}")))
        })
    }
}

impl<T> RecordCache<T> {
    pub fn new(items: usize) -> Self {
        Self { kept: Cache::new(items), forgotten: RwLock::default() }
    }

    /// A record in another form than it is stored in.
    pub fn read_with(
        &self,
        view: &View,
        key: &PathKey,
        decode: impl FnOnce(&[u8]) -> Result<T, Access>,
    ) -> Result<Option<Found<T>>, Access> {
        let (path, state) = (view.path(key), view.state_revision());
        let kept = self.kept.get(&path);
        #[cfg(feature = "faults")]
        if let Some(kept) = kept.as_ref().filter(|_| crate::under_test::never_drops()) {
            return Ok(Some(kept.found(path)));
        }
        if let Some(kept) = &kept
            && *kept.of_state.lock() == state
        {
            view.saw(&path, kept.revision);
            return Ok(Some(kept.found(path)));
        }
        let Some(revision) = view.revision(key)? else { return Ok(None) };
        if let Some(kept) = kept.filter(|kept| kept.revision == revision) {
            *kept.of_state.lock() = state;
            return Ok(Some(kept.found(path)));
        }
        let began = *self.forgotten.read();
        let Some((bytes, revision)) = view.bytes(key)? else { return Ok(None) };
        let value = Arc::new(decode(&bytes)?);
        let kept = Arc::new(Kept { revision, value, of_state: Mutex::new(state) });
        let forgotten = self.forgotten.read();
        if *forgotten == began {
            self.kept.insert(path.clone(), Arc::clone(&kept));
        }
        drop(forgotten);
        Ok(Some(kept.found(path)))
    }

    /// When the server is sealed, or a namespace.
    pub fn forget(&self, which: Forget<'_>) {
        let mut forgotten = self.forgotten.write();
        *forgotten += 1;
        self.kept.retain(|path, _| !which.covers(path));
    }

    #[cfg(test)]
    pub fn keeps(&self, path: &Path) -> bool {
        self.kept.peek(path).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use storage::{Class, Clear, Latches, MemoryStore, Millis, OpenStore, RequestId, Term, Txn, TxnState};

    use super::*;

    struct Bench {
        store: OpenStore,
        cache: RecordCache<u64>,
        decoded: Cell<u32>,
    }

    impl Bench {
        fn view(&self) -> View {
            View::new(self.store.snapshot().unwrap(), Path::root(Class::Replicated))
        }

        async fn change(&self, write: impl FnOnce(&mut Txn)) {
            let mut state = TxnState::new(self.store.snapshot().unwrap(), Latches::new().begin());
            write(&mut state.at(Path::root(Class::Replicated)));
            let (batch, _latches) = state.finish();
            let id = RequestId { applied: 0, random: crypto::random() };
            let batch = self.store.seal(id, Millis(1), batch).unwrap();
            self.store.commit(Term(1), batch).await.unwrap();
        }

        fn read(&self, view: &View) -> Option<u64> {
            let decode = |bytes: &[u8]| {
                self.decoded.set(self.decoded.get() + 1);
                Ok(serde_json::from_slice(bytes).unwrap())
            };
            self.cache.read_with(view, &PathKey::new().plain("a"), decode).unwrap().map(|found| *found.value)
        }
    }

    #[tokio::test]
    async fn each_state_has_its_own_record() {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        let bench = Bench { store, cache: RecordCache::new(10), decoded: Cell::new(0) };
        let (a, b) = (PathKey::new().plain("a"), PathKey::new().plain("b"));
        bench.change(|txn| txn.put(&a, &1_u64).unwrap()).await;
        let first = bench.view().remembering();
        assert_eq!([bench.read(&first), bench.read(&first)], [Some(1), Some(1)]);
        assert_eq!(first.seen().len(), 3, "looked for, read, and known");
        bench.change(|txn| txn.put(&b, &9_u64).unwrap()).await;
        let second = bench.view();
        assert_eq!([bench.read(&second), bench.read(&second)], [Some(1), Some(1)]);
        assert_eq!(bench.decoded.get(), 1, "another record has changed");
        bench.change(|txn| txn.put(&a, &2_u64).unwrap()).await;
        let third = bench.view();
        assert_eq!([bench.read(&third), bench.read(&third)], [Some(2), Some(2)]);
        assert_eq!([bench.read(&second), bench.read(&third)], [Some(1), Some(2)], "whoever looks at the state of then");
        bench.change(|txn| txn.delete(&a)).await;
        assert_eq!([bench.read(&bench.view()), bench.read(&third)], [None, Some(2)]);
    }

    #[tokio::test]
    async fn what_is_forgotten_while_it_is_read_is_not_kept() {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        let bench = Bench { store, cache: RecordCache::new(10), decoded: Cell::new(0) };
        let a = PathKey::new().plain("a");
        bench.change(|txn| txn.put(&a, &1_u64).unwrap()).await;
        let sealed_meanwhile = |_: &[u8]| {
            bench.cache.forget(Forget::All);
            Ok(1)
        };
        let found = bench.cache.read_with(&bench.view(), &a, sealed_meanwhile).unwrap().unwrap();
        assert_eq!((*found.value, bench.cache.kept.len()), (1, 0));
        assert_eq!((bench.read(&bench.view()), bench.cache.kept.len()), (Some(1), 1));
    }
}
