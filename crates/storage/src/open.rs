//! The open contract: plaintext records under typed paths, on top of a sealed store and a [`Sealer`].

use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{
    Batch, Changed, Check, CommitError, Committed, CounterChange, KeyError, Listings, Millis, OpenBatch, Path, RawKey,
    RequestId, Revision, SealedSnapshot, SealedStore, Seg, SegKind, Step, StoreError, Stored, Term, Value,
    key::Segments, listing,
};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    #[error("the server is sealed")]
    Sealed,
    /// The server is not, but the namespace that the record belongs to has keys of its own, of this name, which are not here.
    #[error("the namespace is sealed")]
    NamespaceSealed(String),
    #[error("a stored record does not open: {0}")]
    Corrupt(String),
    /// It was sealed with a data key that this sealer does not have, or not yet.
    #[error("a stored record was sealed with data key {0}, which is not in the keyring")]
    UnknownTerm(u32),
}

/// Encrypts and decrypts what goes into the store. Implemented by the barrier.
pub trait Sealer: Send + Sync {
    /// `before` is the encoded key up to the segment. The same name there always gives the same bytes.
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError>;
    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError>;
    /// Binds the value to its key: moved elsewhere it does not open.
    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError>;
    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError>;
}

/// Encrypts nothing: for tests of plugins and of the core on an in-memory store.
pub struct Clear;

impl Sealer for Clear {
    fn seal_name(&self, _before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(name.to_vec())
    }
    fn open_name(&self, _before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }
    fn seal_value(&self, _key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(value.to_vec())
    }
    fn open_value(&self, _key: &RawKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        Ok(Zeroizing::new(sealed.to_vec()))
    }
}

/// Why the open store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The folder is too large to be read in a request's time: [`Listings::make`] its listing, then read again.
    #[error("the listing of a large folder is not at hand")]
    Unlisted(RawKey),
}

/// A sealed store seen through a sealer.
#[derive(Clone)]
pub struct OpenStore {
    store: Arc<dyn SealedStore>,
    sealer: Arc<dyn Sealer>,
}

impl OpenStore {
    pub fn new(store: Arc<dyn SealedStore>, sealer: Arc<dyn Sealer>) -> Self {
        Self { store, sealer }
    }

    pub fn snapshot(&self) -> Result<OpenSnapshot, ReadError> {
        let (snapshot, sealer) = (self.store.snapshot()?, Arc::clone(&self.sealer));
        Ok(OpenSnapshot { snapshot, sealer, listings: None })
    }

    pub fn applied(&self) -> u64 {
        self.store.applied()
    }

    /// Encrypts the batch; what it will take in the log is then known.
    pub fn seal(&self, id: RequestId, now: Millis, open: OpenBatch) -> Result<Batch, ReadError> {
        let sealer = open.sealer.as_ref().unwrap_or(&self.sealer).as_ref();
        let encoded = |path: &Path| encode(path, sealer);
        metrics::counter!("vault.barrier.put").increment(open.puts.len() as u64);
        metrics::counter!("vault.barrier.delete").increment((open.deletes.len() + open.prefix_deletes.len()) as u64);
        let mut batch = Batch::new(id, now);
        batch.epoch = open.epoch;
        for (path, revision) in open.checks {
            batch.checks.push(Check { key: encoded(&path)?, revision });
        }
        for (path, value) in open.puts {
            let key = encoded(&path)?;
            let sealed = sealer.seal_value(&key, &value)?;
            batch.puts.push((key, Bytes::from(sealed)));
        }
        for path in open.deletes {
            batch.deletes.push(encoded(&path)?);
        }
        for path in open.prefix_deletes {
            batch.prefix_deletes.push(encoded(&path)?);
        }
        for (path, op) in open.counters {
            batch.counters.push(CounterChange { key: encoded(&path)?, op });
        }
        Ok(batch)
    }

    pub async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError> {
        self.store.commit(term, batch).await
    }
}

fn encode(path: &Path, sealer: &dyn Sealer) -> Result<RawKey, ReadError> {
    let mut key = RawKey::root(path.class());
    for seg in path.segs() {
        let (Seg::Plain(bytes) | Seg::Name(bytes)) = seg;
        if bytes.len() > crate::NAME_MAX {
            return Err(KeyError::NameTooLong(bytes.len()).into());
        }
        match seg {
            Seg::Plain(bytes) => key.push(SegKind::Plain, bytes)?,
            Seg::Name(name) => {
                let sealed = sealer.seal_name(key.as_bytes(), name)?;
                key.push(SegKind::Sealed, &sealed)?;
            }
        }
    }
    Ok(key)
}

/// One child of a folder. A name can be both: a record, and a folder of further ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub name: Vec<u8>,
    pub record: bool,
    pub folder: bool,
}

/// A child whose name is still as it is stored.
#[derive(Clone)]
pub(crate) struct StoredChild {
    pub kind: SegKind,
    pub segment: Vec<u8>,
    pub record: bool,
    pub folder: bool,
}

/// A record and the revision that wrote it.
pub struct Record {
    pub revision: Revision,
    pub value: Zeroizing<Vec<u8>>,
}

/// The open state at one moment.
#[derive(Clone)]
pub struct OpenSnapshot {
    snapshot: Arc<dyn SealedSnapshot>,
    sealer: Arc<dyn Sealer>,
    listings: Option<Arc<Listings>>,
}

impl OpenSnapshot {
    /// The same moment, seen through a sealer that is made of this one's.
    pub(crate) fn resealed(self, layer: impl FnOnce(Arc<dyn Sealer>) -> Arc<dyn Sealer>) -> Self {
        Self { sealer: layer(self.sealer), ..self }
    }

    pub(crate) fn sealer(&self) -> Arc<dyn Sealer> {
        Arc::clone(&self.sealer)
    }

    /// The same moment, whose large folders are listed from these. Without, they are read whole.
    #[must_use]
    pub fn listed_by(self, listings: Arc<Listings>) -> Self {
        Self { listings: Some(listings), ..self }
    }

    pub fn get(&self, path: &Path) -> Result<Option<Record>, ReadError> {
        metrics::counter!("vault.barrier.get").increment(1);
        let key = self.key(path)?;
        match self.snapshot.get(&key)? {
            None => Ok(None),
            Some(Stored { revision, value: Value::Bytes(sealed) }) => {
                Ok(Some(Record { revision, value: self.sealer.open_value(&key, &sealed)? }))
            }
            Some(Stored { value: Value::Counter(_), .. }) => Err(corrupt("a counter where a record was expected")),
        }
    }

    /// The revision of a record without opening it.
    pub fn revision_of(&self, path: &Path) -> Result<Option<Revision>, ReadError> {
        Ok(self.snapshot.get(&self.key(path)?)?.map(|s| s.revision))
    }

    pub fn counter(&self, path: &Path) -> Result<Option<i64>, ReadError> {
        match self.snapshot.get(&self.key(path)?)?.map(|s| s.value) {
            None => Ok(None),
            Some(Value::Counter(n)) => Ok(Some(n)),
            Some(Value::Bytes(_)) => Err(corrupt("a record where a counter was expected")),
        }
    }

    /// The names in a folder as the wire lists them: sorted, folders with a slash behind. Those behind `after`, at most
    /// `limit`.
    pub fn page(&self, folder: &Path, after: Option<&str>, limit: usize) -> Result<Vec<String>, ReadError> {
        metrics::counter!("vault.barrier.list").increment(1);
        let prefix = self.key(folder)?;
        match &self.listings {
            Some(listings) => listings.page(self, &prefix, after, limit),
            None => self.read_page(&prefix, after, limit),
        }
    }

    pub(crate) fn read_page(
        &self,
        prefix: &RawKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, ReadError> {
        Ok(listing::page_of(self.read_children(prefix)?, after, limit))
    }

    /// The direct children of a folder, unordered.
    pub(crate) fn children(&self, folder: &Path) -> Result<Vec<Child>, ReadError> {
        metrics::counter!("vault.barrier.list").increment(1);
        self.read_children(&self.key(folder)?)
    }

    fn read_children(&self, prefix: &RawKey) -> Result<Vec<Child>, ReadError> {
        let found = self.walk_children(prefix, None, usize::MAX)?;
        found.into_iter().map(|stored| self.open_child(prefix, stored)).collect()
    }

    pub(crate) fn open_child(&self, prefix: &RawKey, stored: StoredChild) -> Result<Child, ReadError> {
        let StoredChild { kind, segment, record, folder } = stored;
        let name = match kind {
            SegKind::Plain => segment,
            SegKind::Sealed => self.sealer.open_name(prefix.as_bytes(), &segment)?,
        };
        Ok(Child { name, record, folder })
    }

    /// The direct children in stored order, behind `after`, at most `limit`. Costs two seeks a child, however deep the
    /// folder is.
    pub(crate) fn walk_children(
        &self,
        prefix: &RawKey,
        after: Option<&StoredChild>,
        limit: usize,
    ) -> Result<Vec<StoredChild>, ReadError> {
        let mut found: Vec<StoredChild> = Vec::new();
        let at = prefix.as_bytes().len();
        let from = after.map(|child| {
            let mut key = prefix.clone();
            key.push(child.kind, &child.segment).map(|()| behind(key.as_bytes()))
        });
        let from = from.transpose()?;
        self.snapshot.walk(prefix, from.as_deref(), &mut |key, _| {
            let mut segments = Segments::of(&key[at..]);
            let Some(first) = segments.next() else { return Ok(Step::Next) };
            let (kind, bytes) = first.map_err(|e| StoreError::Corrupt(e.to_string()))?;
            let deeper = !segments.rest().is_empty();
            let full = found.len() >= limit;
            match found.last_mut() {
                Some(child) if child.kind == kind && child.segment == bytes => {
                    child.folder |= deeper;
                    child.record |= !deeper;
                }
                _ if full => return Ok(Step::Stop),
                _ => found.push(StoredChild { kind, segment: bytes.to_vec(), record: !deeper, folder: deeper }),
            }
            Ok(if deeper { Step::Seek(behind(&key[..at + 3 + bytes.len()])) } else { Step::Next })
        })?;
        Ok(found)
    }

    /// What is there of one child, if anything.
    pub(crate) fn child(&self, prefix: &RawKey, kind: SegKind, segment: &[u8]) -> Result<Child, ReadError> {
        let mut key = prefix.clone();
        key.push(kind, segment)?;
        let mut stored = StoredChild { kind, segment: segment.to_vec(), record: false, folder: false };
        self.snapshot.walk(&key, None, &mut |found, _| {
            let deeper = found.len() > key.as_bytes().len();
            stored.folder |= deeper;
            stored.record |= !deeper;
            Ok(if deeper { Step::Stop } else { Step::Next })
        })?;
        self.open_child(prefix, stored)
    }

    pub(crate) fn changes_since(&self, after: Revision) -> Option<Vec<(u64, Arc<Changed>)>> {
        self.snapshot.changes_since(after)
    }

    /// Every key inside a folder in stored order, as whole paths, starting behind `after`; at most `limit` of them.
    /// Plain segments keep their order, which is what indexes are made of.
    pub fn range(&self, folder: &Path, after: Option<&Path>, limit: usize) -> Result<Vec<Path>, ReadError> {
        let prefix = self.key(folder)?;
        let from = after.map(|p| self.key(p)).transpose()?;
        let mut keys = Vec::new();
        self.snapshot.walk(&prefix, from.as_ref().map(RawKey::as_bytes), &mut |key, _| {
            if keys.len() >= limit {
                return Ok(Step::Stop);
            }
            if from.as_ref().is_none_or(|f| f.as_bytes() != key) {
                keys.push(key.to_vec());
            }
            Ok(Step::Next)
        })?;
        keys.into_iter().map(|key| self.path(key)).collect()
    }

    pub fn state_revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn path(&self, key: Vec<u8>) -> Result<Path, ReadError> {
        let key = RawKey::parse(key)?;
        let mut out = crate::PathKey::new();
        let mut at = 1;
        for seg in key.segments() {
            let (kind, bytes) = seg?;
            out = match kind {
                SegKind::Plain => out.plain(bytes),
                SegKind::Sealed => out.name(self.sealer.open_name(&key.as_bytes()[..at], bytes)?),
            };
            at += 3 + bytes.len();
        }
        Ok(Path::root(key.class()).join(&out))
    }

    fn key(&self, path: &Path) -> Result<RawKey, ReadError> {
        encode(path, self.sealer.as_ref())
    }
}

/// The first bytes behind everything that begins with `prefix`.
fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut out = prefix.to_vec();
    while let Some(last) = out.pop() {
        if last < u8::MAX {
            out.push(last + 1);
            break;
        }
    }
    out
}

fn corrupt(what: &str) -> ReadError {
    StoreError::Corrupt(what.to_owned()).into()
}
