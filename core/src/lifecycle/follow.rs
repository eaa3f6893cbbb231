//! The barrier as the store sees it: it follows the keyring that is stored.
//!
//! Another node may have rotated. It commits the new keyring before it seals anything with it, so a record that this node
//! reads has its data key in the keyring of the same state or of a later one: a record of an unknown term makes this load
//! the stored keyring, and then opens. A new leader loads it once before it writes, so that it never seals with a key that
//! was replaced; that of a namespace before it writes there. Nothing is polled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use barrier::{Barrier, InstallError};
use parking_lot::RwLock;
use sdk::NamespaceId;
use storage::{OpenStore, RawKey, SealError, SealedStore, Sealer, Term, Value, View};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::Node;
use crate::{namespace, space};

pub(super) struct Follower {
    barrier: Arc<Barrier>,
    store: Arc<dyn SealedStore>,
    /// The term of leadership for which the keyring was last brought up to date.
    led: AtomicU64,
    /// The same of each keyring of a namespace that was written to.
    tenants_led: RwLock<BTreeMap<String, u64>>,
    /// How many encryptions of the active data key are accounted for; at that many, `wake` is told.
    pub(super) wake_at: AtomicU64,
    pub(super) wake: Notify,
}

impl Follower {
    pub fn new(barrier: Arc<Barrier>, store: Arc<dyn SealedStore>) -> Self {
        let (led, wake_at) = (AtomicU64::default(), AtomicU64::default());
        Self { barrier, store, led, tenants_led: RwLock::default(), wake_at, wake: Notify::new() }
    }

    /// Takes over the stored keyring if it is newer than the one in use.
    pub fn refresh(&self) -> Result<(), SealError> {
        let broken = |problem: &dyn std::fmt::Display| SealError::Corrupt(format!("the keyring: {problem}"));
        let stored = self.store.snapshot().and_then(|s| s.get(&space::keyring())).map_err(|e| broken(&e))?;
        let Some(Value::Bytes(sealed)) = stored.map(|s| s.value) else {
            return Err(broken(&"it is missing"));
        };
        match self.barrier.install(&sealed) {
            Ok(newer) => {
                if newer {
                    tracing::info!(term = self.barrier.active_term().ok(), "a new edition of the keyring is in use");
                }
                Ok(())
            }
            Err(InstallError::Sealed) => Err(SealError::Sealed),
            Err(problem) => Err(broken(&problem)),
        }
    }

    /// The same for a namespace with a keyring of its own, which lies in the records of the one above: those may be sealed with
    /// a data key that this node does not have yet either.
    fn refresh_tenant(&self, name: &str) -> Result<(), SealError> {
        let broken = |problem: &dyn std::fmt::Display| SealError::Corrupt(format!("the keyring {name}: {problem}"));
        let owner = NamespaceId::owner_of(name).ok_or_else(|| broken(&"it is nobody's"))?;
        let store = OpenStore::new(Arc::clone(&self.store), Arc::clone(&self.barrier) as _);
        let snapshot = store.snapshot().map_err(|e| broken(&e))?;
        let view = View::new(snapshot, space::records(&NamespaceId::root()));
        let above = namespace::above(&view, &owner).map_err(|e| broken(&e))?.unwrap_or_default();
        if !above.keyring().is_empty() {
            self.refresh_tenant(above.keyring())?;
        }
        let stored = namespace::stored_keyring(&view, &owner).map_err(|e| broken(&e))?;
        let stored = stored.ok_or_else(|| broken(&"it is missing"))?;
        match self.barrier.install_tenant(name, &stored) {
            Ok(_) => Ok(()),
            Err(InstallError::Sealed) => Err(SealError::NamespaceSealed(name.to_owned())),
            Err(problem) => Err(broken(&problem)),
        }
    }

    /// Before this node writes as the leader of that term. Only leaders change the keyring, and this one has applied what
    /// those before it committed.
    pub fn leads(&self, term: Term) -> Result<(), SealError> {
        if self.led.load(Ordering::Acquire) != term.0 {
            self.refresh()?;
            self.tenants_led.write().clear();
            self.led.store(term.0, Ordering::Release);
        }
        Ok(())
    }

    /// The same before it writes to a namespace with a keyring of its own.
    fn leads_tenant(&self, name: &str) -> Result<(), SealError> {
        let term = self.led.load(Ordering::Acquire);
        if self.tenants_led.read().get(name) != Some(&term) {
            self.refresh_tenant(name)?;
            self.tenants_led.write().insert(name.to_owned(), term);
        }
        Ok(())
    }

    /// The keys of a namespace are not here any more.
    pub fn let_go(&self, name: &str) {
        self.tenants_led.write().remove(name);
    }
}

impl Sealer for Follower {
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        self.barrier.seal_name(before, name)
    }

    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.barrier.open_name(before, sealed)
    }

    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        if let Some(tenant) = barrier::keyring_of(key.as_bytes()) {
            self.leads_tenant(tenant)?;
        }
        let sealed = self.barrier.seal_value(key, value)?;
        if self.barrier.encryptions()?.1 >= self.wake_at.load(Ordering::Relaxed) {
            self.wake.notify_one();
        }
        Ok(sealed)
    }

    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match self.barrier.open_value(key, sealed) {
            Err(SealError::UnknownTerm(_)) => {
                self.refresh()?;
                if let Some(tenant) = barrier::keyring_of(key.as_bytes()) {
                    self.refresh_tenant(tenant)?;
                }
                self.barrier.open_value(key, sealed)
            }
            opened => opened,
        }
    }
}

impl Node {
    /// Of which namespaces it is known that their keyrings are up to date.
    #[cfg(test)]
    pub(crate) fn keyrings_led(&self) -> std::collections::BTreeSet<String> {
        self.keyring.tenants_led.read().keys().cloned().collect()
    }

    /// Before this node writes as the leader of that term.
    pub fn leads(&self, term: Term) -> Result<(), storage::Access> {
        self.keyring.leads(term).map_err(|e| storage::ReadError::from(e).into())
    }
}
