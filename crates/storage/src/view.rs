//! Reading: what a handler that cannot write gets, and the trait that it shares with a transaction.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::open::ReadError;
use crate::{Listings, OpenSnapshot, Path, PathKey, RawKey, Revision, SealError, StoreError};

/// The byte that every stored record begins with; the rest is JSON.
pub(crate) const RECORD_FORMAT: u8 = 1;

/// Why an access to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Access {
    /// Another request holds what this one needs: wait, then run again. Handlers pass it on.
    #[error("the record is being changed by another request")]
    Busy,
    #[error("the server is sealed")]
    Sealed,
    /// The server is not, but the keyring of this name is not here. Handlers pass it on: another member may have it.
    #[error("the namespace is sealed")]
    NamespaceSealed(String),
    /// The listing of this folder is to be made first: then run again. Handlers pass it on.
    #[error("the listing of a large folder is not at hand")]
    Unlisted(RawKey),
    /// The caller's fault.
    #[error("{0}")]
    InvalidName(String),
    /// Ours.
    #[error("{0}")]
    Broken(String),
}

impl From<ReadError> for Access {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Seal(SealError::Sealed) | ReadError::Store(StoreError::Sealed) => Self::Sealed,
            ReadError::Seal(SealError::NamespaceSealed(keyring)) => Self::NamespaceSealed(keyring),
            ReadError::Seal(other) => Self::Broken(other.to_string()),
            ReadError::Store(StoreError::Io(text) | StoreError::Corrupt(text)) => Self::Broken(text),
            ReadError::Key(error) => Self::InvalidName(error.to_string()),
            ReadError::Unlisted(folder) => Self::Unlisted(folder),
        }
    }
}

/// Reads inside one space (a mount's folder, a namespace's records).
pub trait Read {
    /// The record's bytes without their format byte, and its revision. In a transaction the batch relies on it.
    fn bytes(&self, key: &PathKey) -> Result<Option<(Vec<u8>, Revision)>, Access>;

    fn counter(&self, key: &PathKey) -> Result<Option<i64>, Access>;

    /// The names in a folder as the wire lists them: sorted, folders with a slash behind. Those behind `after`, which need
    /// not exist, at most `limit`.
    fn page(&self, folder: &PathKey, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access>;

    /// The keys inside a folder in stored order, as they were when a transaction began, relative to this space, behind `after`, at most `limit`.
    fn range(&self, folder: &PathKey, after: Option<&PathKey>, limit: usize) -> Result<Vec<PathKey>, Access>;

    fn get<T: DeserializeOwned>(&self, key: &PathKey) -> Result<Option<T>, Access>
    where
        Self: Sized,
    {
        self.bytes(key)?.map(|(bytes, _)| decode(&bytes)).transpose()
    }

    /// All names in a folder.
    fn list(&self, folder: &PathKey) -> Result<Vec<String>, Access>
    where
        Self: Sized,
    {
        self.page(folder, None, usize::MAX)
    }
}

/// A space of the state at one moment; it has no way to write.
#[derive(Clone)]
pub struct View {
    snapshot: OpenSnapshot,
    space: Path,
    /// What was read, for views whose reads something relies on.
    seen: Option<Seen>,
}

type Seen = Arc<Mutex<Vec<(Path, Option<Revision>)>>>;

impl View {
    pub fn new(snapshot: OpenSnapshot, space: Path) -> Self {
        Self { snapshot, space, seen: None }
    }

    /// A view that remembers which records it read or looked for, and as what, to be asked with [`seen`](Self::seen).
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { seen: Some(Arc::default()), ..self }
    }

    pub fn seen(&self) -> Vec<(Path, Option<Revision>)> {
        self.seen.as_ref().map_or_else(Vec::new, |seen| seen.lock().clone())
    }

    /// The same view, whose large folders are listed from these; see [`Access::Unlisted`].
    #[must_use]
    pub fn listed_by(self, listings: &Arc<Listings>) -> Self {
        Self { snapshot: self.snapshot.listed_by(Arc::clone(listings)), ..self }
    }

    /// Another space of the same moment.
    #[must_use]
    pub fn elsewhere(&self, space: Path) -> Self {
        Self { space, ..self.clone() }
    }
}

impl View {
    /// The record's revision, without opening it.
    pub fn revision(&self, key: &PathKey) -> Result<Option<Revision>, Access> {
        let path = self.space.join(key);
        let revision = self.snapshot.revision_of(&path)?;
        if let Some(seen) = &self.seen {
            seen.lock().push((path, revision));
        }
        Ok(revision)
    }

    /// The revision of the whole state.
    pub fn state_revision(&self) -> Revision {
        self.snapshot.state_revision()
    }

    /// Remembers that a record was read, by whoever knew it without looking.
    pub fn saw(&self, path: &Path, revision: Revision) {
        if let Some(seen) = &self.seen {
            seen.lock().push((path.clone(), Some(revision)));
        }
    }

    /// The whole path of a key of this space.
    pub fn path(&self, key: &PathKey) -> Path {
        self.space.join(key)
    }
}

impl Read for View {
    fn bytes(&self, key: &PathKey) -> Result<Option<(Vec<u8>, Revision)>, Access> {
        let path = self.space.join(key);
        let found = read_record(&self.snapshot, &path)?;
        if let Some(seen) = &self.seen {
            seen.lock().push((path, found.as_ref().map(|(_, revision)| *revision)));
        }
        Ok(found)
    }

    fn counter(&self, key: &PathKey) -> Result<Option<i64>, Access> {
        Ok(self.snapshot.counter(&self.space.join(key))?)
    }

    fn page(&self, folder: &PathKey, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
        Ok(self.snapshot.page(&self.space.join(folder), after, limit)?)
    }

    fn range(&self, folder: &PathKey, after: Option<&PathKey>, limit: usize) -> Result<Vec<PathKey>, Access> {
        let after = after.map(|key| self.space.join(key));
        let found = self.snapshot.range(&self.space.join(folder), after.as_ref(), limit)?;
        Ok(found.iter().map(|path| relative(path, &self.space)).collect())
    }
}

pub(crate) fn read_record(snapshot: &OpenSnapshot, path: &Path) -> Result<Option<(Vec<u8>, Revision)>, Access> {
    let Some(record) = snapshot.get(path)? else { return Ok(None) };
    match record.value.split_first() {
        Some((&RECORD_FORMAT, bytes)) => Ok(Some((bytes.to_vec(), record.revision))),
        Some((format, _)) => {
            Err(Access::Broken(format!("a record has format {format}, which this version cannot read")))
        }
        None => Err(Access::Broken("a record is empty".into())),
    }
}

pub(crate) fn relative(path: &Path, space: &Path) -> PathKey {
    path.segs()[space.segs().len()..].iter().fold(PathKey::new(), |key, seg| match seg {
        crate::Seg::Plain(bytes) => key.plain(bytes),
        crate::Seg::Name(bytes) => key.name(bytes),
    })
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Access> {
    serde_json::from_slice(bytes).map_err(|e| Access::Broken(format!("a record is not of its kind: {e}")))
}

pub(crate) fn record(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 1);
    out.push(RECORD_FORMAT);
    out.extend_from_slice(bytes);
    out
}

pub(crate) fn to_record<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Access> {
    let mut out = vec![RECORD_FORMAT];
    serde_json::to_writer(&mut out, value).map_err(|e| Access::Broken(format!("a record cannot be written: {e}")))?;
    Ok(out)
}
