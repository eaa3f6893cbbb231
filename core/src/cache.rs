//! Decoded records, kept by the revision they were read at.
//!
//! A lookup reads the record's revision from the snapshot, which costs a point lookup and no decryption, and uses the
//! kept form only if that is the one. So a cache is never stale and needs nobody to invalidate it.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use storage::{Access, Path, PathKey, Read, Revision, View};

/// A record, and where it stands: what a transaction relies on.
pub struct Found<T> {
    pub path: Path,
    pub revision: Revision,
    pub value: Arc<T>,
}

pub struct RecordCache<T> {
    kept: Cache<Path, (Revision, Arc<T>)>,
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
        Self { kept: Cache::new(items) }
    }

    /// A record in another form than it is stored in.
    pub fn read_with(
        &self,
        view: &View,
        key: &PathKey,
        decode: impl FnOnce(&[u8]) -> Result<T, Access>,
    ) -> Result<Option<Found<T>>, Access> {
        let path = view.path(key);
        #[cfg(feature = "faults")]
        if crate::under_test::never_drops()
            && let Some((revision, value)) = self.kept.get(&path)
        {
            return Ok(Some(Found { path, revision, value }));
        }
        let Some(revision) = view.revision(key)? else { return Ok(None) };
        if let Some((at, value)) = self.kept.get(&path)
            && at == revision
        {
            return Ok(Some(Found { path, revision, value }));
        }
        let Some((bytes, revision)) = view.bytes(key)? else { return Ok(None) };
        let value = Arc::new(decode(&bytes)?);
        self.kept.insert(path.clone(), (revision, Arc::clone(&value)));
        Ok(Some(Found { path, revision, value }))
    }

    /// Forgets everything: when the server is sealed.
    pub fn clear(&self) {
        self.kept.clear();
    }
}
