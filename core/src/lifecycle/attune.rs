//! Keeping the keys in step with the state.
//!
//! A restore puts another keyring into the state, perhaps one that this node's root key does not open. Whoever reads the
//! state must not meet it with the keys of before, so every snapshot goes through here: on another line of history the
//! keyring is read anew first, and where it does not open, the node is sealed. Nothing can be missed, as it could if this
//! went by news of the change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use barrier::{Barrier, InstallError};
use parking_lot::RwLock;
use storage::{Batch, CommitError, Committed, Epoch, SealedSnapshot, SealedStore, StoreError, Term, Value};

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

/// What attuning came to.
enum Found {
    InStep,
    /// The snapshot is of a line of history that has ended since.
    Ended,
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

    fn attune(&self, snapshot: &dyn SealedSnapshot) -> Result<Found, StoreError> {
        let epoch = snapshot.revision().epoch;
        if *self.known.read() == Some(epoch) || self.barrier.is_sealed() {
            return Ok(Found::InStep);
        }
        let mut known = self.known.write();
        match *known {
            Some(known) if known == epoch => return Ok(Found::InStep),
            Some(known) if known.number > epoch.number => return Ok(Found::Ended),
            _ => {}
        }
        let Some(Value::Bytes(sealed)) = snapshot.get(&space::keyring())?.map(|stored| stored.value) else {
            return Err(StoreError::Corrupt("the keyring is not in the state".into()));
        };
        match self.barrier.reopen(&sealed) {
            Ok(()) => {
                *known = Some(epoch);
                Ok(Found::InStep)
            }
            Err(InstallError::Sealed) => Ok(Found::InStep),
            Err(problem) => {
                if !self.restoring.load(Ordering::Acquire) {
                    tracing::error!(%problem, "the state was replaced by one of another root key; this node is sealed");
                    self.barrier.seal();
                }
                Err(StoreError::Sealed)
            }
        }
    }
}

#[async_trait]
impl SealedStore for Attuned {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        // Each time round the state has gone over to a later line of history, which only a restore brings about.
        loop {
            let snapshot = self.store.snapshot()?;
            if let Found::InStep = self.keys.attune(&*snapshot)? {
                return Ok(snapshot);
            }
        }
    }

    async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError> {
        self.store.commit(term, batch).await
    }

    fn applied(&self) -> u64 {
        self.store.applied()
    }
}
