//! Keeping the keys in step with the state.
//!
//! A restore puts another keyring into the state, perhaps one that this node's root key does not open; and a cluster that
//! becomes the copy of another one gets that one's keyring, with its root key beside it. Whoever reads the state must not meet
//! it with the keys of before, so every snapshot goes through here: on another line of history the keys are read anew first,
//! and where that cannot be, the node is sealed. Nothing can be missed, as it could if this went by news of the change.
//!
//! Lines of history have no order: the one that a copy goes over to is another cluster's, whose number may be lower. So it is
//! always the newest state that the keys are attuned to, and a reader of any other takes a new snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use barrier::{Barrier, InstallError, Offered, Reopened};
use parking_lot::RwLock;
use storage::{Batch, CommitError, Committed, Epoch, RawKey, SealedSnapshot, SealedStore, StoreError, Term, Value};

use crate::space;

/// Which line of history the keys are of.
pub(crate) struct Keys {
    barrier: Arc<Barrier>,
    known: RwLock<Option<Epoch>>,
    /// A restore is under way on this node. It has still to be answered and audited with the keys of before, so foreign
    /// ones do not seal the node until it is over; nobody else is served meanwhile.
    restoring: AtomicBool,
}

/// A store whose snapshots the keys always fit.
pub(super) struct Attuned {
    pub store: Arc<dyn SealedStore>,
    pub keys: Arc<Keys>,
}

/// Why the keys are not those of the state.
enum Problem {
    Store(StoreError),
    Keys(InstallError),
}

impl From<InstallError> for Problem {
    fn from(error: InstallError) -> Self {
        Self::Keys(error)
    }
}

impl Keys {
    pub fn new(barrier: Arc<Barrier>) -> Self {
        Self { barrier, known: RwLock::default(), restoring: AtomicBool::new(false) }
    }

    /// False if a restore is under way already.
    pub fn begin_restore(&self) -> bool {
        !self.restoring.swap(true, Ordering::AcqRel)
    }

    pub fn end_restore(&self) {
        self.restoring.store(false, Ordering::Release);
    }

    fn fit(&self, snapshot: &dyn SealedSnapshot) -> bool {
        *self.known.read() == Some(snapshot.revision().epoch) || self.barrier.is_sealed()
    }

    fn attune(&self, store: &dyn SealedStore) -> Result<(), StoreError> {
        let mut known = self.known.write();
        let mut epoch = None;
        let reopened = self.barrier.reopen(|| {
            let newest = store.snapshot().map_err(Problem::Store)?;
            epoch = Some(newest.revision().epoch);
            offered(&*newest).map_err(Problem::Store)
        });
        match reopened {
            Ok(reopened) => {
                if reopened == Reopened::Succeeded {
                    tracing::warn!(
                        "the state is now the copy of another cluster's; this node has gone over to its root key"
                    );
                }
                *known = epoch;
                Ok(())
            }
            Err(Problem::Keys(InstallError::Sealed)) => Ok(()),
            Err(Problem::Store(problem)) => Err(problem),
            Err(Problem::Keys(problem)) => {
                if !self.restoring.load(Ordering::Acquire) {
                    tracing::error!(%problem, "the state was replaced by one of another root key; this node is sealed");
                    self.barrier.seal();
                }
                Err(StoreError::Sealed)
            }
        }
    }
}

fn offered(snapshot: &dyn SealedSnapshot) -> Result<Offered, StoreError> {
    let bytes = |key: &RawKey| match snapshot.get(key)?.map(|stored| stored.value) {
        Some(Value::Bytes(bytes)) => Ok(Some(bytes.to_vec())),
        _ => Ok::<_, StoreError>(None),
    };
    let keyring = bytes(&space::keyring())?;
    let keyring = keyring.ok_or_else(|| StoreError::Corrupt("the keyring is not in the state".into()))?;
    Ok(Offered { keyring, successor: bytes(&space::dr_root())? })
}

#[async_trait]
impl SealedStore for Attuned {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        // Each time round the state has gone over to another line of history, which only a restore or another cluster
        // brings about.
        loop {
            let snapshot = self.store.snapshot()?;
            if self.keys.fit(&*snapshot) {
                return Ok(snapshot);
            }
            self.keys.attune(&*self.store)?;
        }
    }

    async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError> {
        self.store.commit(term, batch).await
    }

    fn applied(&self) -> u64 {
        self.store.applied()
    }
}
