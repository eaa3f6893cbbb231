//! Decoded records that a plugin holds on to, by the revision they were read at.
//!
//! A lookup reads the record's revision, which opens nothing, and uses the kept form only if that is the one. So what is kept
//! is never stale and needs nobody to invalidate it. It is bounded, and is to be forgotten when the node is sealed, or the
//! namespace ([`Plugin::forget`](crate::Plugin::forget)).

use std::sync::Arc;

use parking_lot::RwLock;
use quick_cache::sync::Cache;
use storage::{Path, PathKey, Read, Revision, View};

use crate::{NamespaceId, Result};

/// Which of what is kept decoded is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget<'a> {
    /// The node is sealed.
    All,
    /// What lies in records of this keyring: a namespace is sealed.
    Keyring(&'a str),
}

impl Forget<'_> {
    pub fn covers(self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Keyring(name) => NamespaceId::of(path).is_some_and(|id| id.keyring() == name),
        }
    }
}

pub struct Kept<T> {
    items: Cache<Path, (Revision, Arc<T>)>,
    /// How often any was forgotten. Whoever began to read before keeps nothing after.
    forgotten: RwLock<u64>,
}

impl<T> Kept<T> {
    /// Keeps `items` records at most.
    pub fn new(items: usize) -> Self {
        Self { items: Cache::new(items), forgotten: RwLock::default() }
    }

    /// The record in the form that `decode` gives it; `None` if there is none.
    pub fn read(&self, view: &View, key: &PathKey, decode: impl FnOnce(&[u8]) -> Result<T>) -> Result<Option<Arc<T>>> {
        let began = *self.forgotten.read();
        let path = view.path(key);
        let Some(revision) = view.revision(key)? else {
            self.items.remove(&path);
            return Ok(None);
        };
        if let Some((at, value)) = self.items.get(&path)
            && at == revision
        {
            return Ok(Some(value));
        }
        let Some((bytes, revision)) = view.bytes(key)? else { return Ok(None) };
        let value = Arc::new(decode(&bytes)?);
        let forgotten = self.forgotten.read();
        if *forgotten == began {
            self.items.insert(path, (revision, Arc::clone(&value)));
        }
        Ok(Some(value))
    }

    pub fn forget(&self, which: Forget<'_>) {
        let mut forgotten = self.forgotten.write();
        *forgotten += 1;
        self.items.retain(|path, _| !which.covers(path));
    }

    #[cfg(any(test, feature = "testing"))]
    pub fn held(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // In a test an unwrap is an assertion.
mod tests;
