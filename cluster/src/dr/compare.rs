//! Comparing two states without sending them: ranges of records are hashed, and of those that differ each record.
//!
//! What is hashed is the record as it is meant, not as it lies on a disk: key, revision, value. So two clusters at different
//! formats compare as well.

use crypto::Sha256;
use storage::{Class, RawKey, SealedSnapshot, Step, StoreError, Stored, Value};

/// The beginning of a record's hash: enough to tell two records of one key apart.
pub(crate) type Digest = u64;

/// The records from a key on, up to another one, and a hash of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: Vec<u8>,
    /// The first key behind it; empty if nothing ends it.
    pub to: Vec<u8>,
    pub sha256: [u8; 32],
}

/// What a range of one state has that another has not, or has otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub records: Vec<(RawKey, Stored)>,
    pub removed: Vec<RawKey>,
    /// Everything below is in it; empty: the whole range is.
    pub next: Vec<u8>,
}

/// Where the replicated records begin.
pub(crate) fn start() -> Vec<u8> {
    root().as_bytes().to_vec()
}

fn root() -> RawKey {
    RawKey::root(Class::Replicated)
}

fn hash(key: &[u8], stored: &Stored) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut sized = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    sized(key);
    sized(&stored.revision.to_bytes());
    match &stored.value {
        Value::Bytes(bytes) => sized(bytes),
        Value::Counter(n) => {
            hash.update(&[0xff; 8]);
            hash.update(&n.to_be_bytes());
        }
    }
    hash.finish()
}

pub(crate) fn digest(key: &[u8], stored: &Stored) -> Digest {
    let [a, b, c, d, e, f, g, h, ..] = hash(key, stored);
    Digest::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn size(key: &[u8], stored: &Stored) -> usize {
    let value = if let Value::Bytes(bytes) = &stored.value { bytes.len() } else { 8 };
    key.len() + value
}

/// Visits the records of a range.
fn walk(
    state: &dyn SealedSnapshot,
    from: &[u8],
    to: &[u8],
    visit: &mut dyn FnMut(&[u8], Stored) -> Result<Step, StoreError>,
) -> Result<(), StoreError> {
    state.walk(&root(), Some(from), &mut |key, stored| match to.is_empty() || key < to {
        true => visit(key, stored),
        false => Ok(Step::Stop),
    })
}

/// The next ranges from a key on, so many at most. The last range of the state has no end.
pub(crate) fn ranges(state: &dyn SealedSnapshot, from: &[u8], most: usize) -> Result<Vec<Range>, StoreError> {
    let mut found = Vec::new();
    let (mut begin, mut whole, mut records, mut bytes) = (from.to_vec(), Sha256::new(), 0, 0);
    walk(state, from, &[], &mut |key, stored| {
        if records == RANGE_RECORDS || bytes >= RANGE_BYTES {
            let sha256 = std::mem::replace(&mut whole, Sha256::new()).finish();
            found.push(Range { from: std::mem::replace(&mut begin, key.to_vec()), to: key.to_vec(), sha256 });
            (records, bytes) = (0, 0);
            if found.len() == most {
                return Ok(Step::Stop);
            }
        }
        whole.update(&hash(key, &stored));
        records += 1;
        bytes += size(key, &stored);
        Ok(Step::Next)
    })?;
    if found.len() < most {
        found.push(Range { from: begin, to: Vec::new(), sha256: whole.finish() });
    }
    Ok(found)
}

/// A hash of every replicated record of a state, and how many there are.
pub(crate) fn whole(state: &dyn SealedSnapshot) -> Result<([u8; 32], u64), StoreError> {
    let (mut whole, mut records) = (Sha256::new(), 0);
    walk(state, &start(), &[], &mut |key, stored| {
        whole.update(&hash(key, &stored));
        records += 1;
        Ok(Step::Next)
    })?;
    Ok((whole.finish(), records))
}

/// Whether this state has the same records there. One that has far more than a range does not read on.
pub(crate) fn same(state: &dyn SealedSnapshot, range: &Range) -> Result<bool, StoreError> {
    let (mut whole, mut records) = (Sha256::new(), 0);
    walk(state, &range.from, &range.to, &mut |key, stored| {
        if records == RANGE_RECORDS {
            records += 1;
            return Ok(Step::Stop);
        }
        records += 1;
        whole.update(&hash(key, &stored));
        Ok(Step::Next)
    })?;
    Ok(records <= RANGE_RECORDS && whole.finish() == range.sha256)
}

/// The keys of a range, in order, with what tells their records apart.
pub(crate) fn held(state: &dyn SealedSnapshot, from: &[u8], to: &[u8]) -> Result<Vec<(Vec<u8>, Digest)>, StoreError> {
    let mut held = Vec::new();
    walk(state, from, to, &mut |key, stored| {
        held.push((key.to_vec(), digest(key, &stored)));
        Ok(Step::Next)
    })?;
    Ok(held)
}

/// What this state has in the range that is not held, and what is held that it has not; up to about so many bytes.
pub(crate) fn difference(
    state: &dyn SealedSnapshot,
    from: &[u8],
    to: &[u8],
    held: &[(RawKey, Digest)],
    most: usize,
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let (mut held, mut bytes, mut seen) = (held.iter().peekable(), 0, 0);
    walk(state, from, to, &mut |key, stored| {
        // Before the page may end: whoever asks on shows what lies behind its end alone.
        while let Some((gone, _)) = held.next_if(|(other, _)| other.as_bytes() < key) {
            page.removed.push(gone.clone());
            bytes += gone.as_bytes().len();
        }
        if bytes >= most || seen == PAGE_RECORDS {
            page.next = key.to_vec();
            return Ok(Step::Stop);
        }
        seen += 1;
        let same =
            held.next_if(|(other, _)| other.as_bytes() == key).is_some_and(|(_, had)| *had == digest(key, &stored));
        if !same {
            let malformed = |_| StoreError::Corrupt("a key of the state is malformed".into());
            bytes += size(key, &stored);
            page.records.push((RawKey::parse(key.to_vec()).map_err(malformed)?, stored));
        }
        Ok(Step::Next)
    })?;
    if page.next.is_empty() {
        page.removed.extend(held.map(|(gone, _)| gone.clone()));
    }
    Ok(page)
}

const RANGE_RECORDS: usize = 1000;
const RANGE_BYTES: usize = 256 << 10;
/// So many records are looked at for one page at most.
const PAGE_RECORDS: usize = 50_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use storage::{Batch, MemoryStore, Millis, RequestId, SealedStore, SegKind, Term};

    use super::*;

    fn key(n: usize) -> RawKey {
        let mut key = root();
        key.push(SegKind::Plain, format!("{n:06}").as_bytes()).unwrap();
        key
    }

    async fn store(records: &BTreeMap<usize, &'static str>) -> MemoryStore {
        let store = MemoryStore::default();
        let mut batch = Batch::new(RequestId { applied: 0, random: [0; 16] }, Millis(1));
        batch.puts = records.iter().map(|(n, value)| (key(*n), Bytes::from_static(value.as_bytes()))).collect();
        store.commit(Term(1), batch).await.unwrap();
        store
    }

    /// Brings a copy in step as the two ends do, and says how many records crossed and how many were taken away.
    fn bring(theirs: &dyn SealedSnapshot, ours: &dyn SealedSnapshot) -> (Vec<RawKey>, Vec<RawKey>) {
        let (mut fetched, mut removed, mut from) = (Vec::new(), Vec::new(), start());
        loop {
            let window = ranges(ours, &from, 2).unwrap();
            for range in window.iter().filter(|range| !same(theirs, range).unwrap()) {
                let held = held(ours, &range.from, &range.to).unwrap();
                let mut at = range.from.clone();
                loop {
                    let left = held.iter().filter(|(key, _)| *key >= at);
                    let left: Vec<_> = left.map(|(key, d)| (RawKey::parse(key.clone()).unwrap(), *d)).collect();
                    let page = difference(theirs, &at, &range.to, &left, 40).unwrap();
                    fetched.extend(page.records.into_iter().map(|(key, _)| key));
                    removed.extend(page.removed);
                    if page.next.is_empty() {
                        break;
                    }
                    at = page.next;
                }
            }
            match window.last() {
                Some(last) if !last.to.is_empty() => from.clone_from(&last.to),
                _ => return (fetched, removed),
            }
        }
    }

    #[tokio::test]
    async fn only_what_differs_crosses() {
        let base: BTreeMap<usize, &'static str> = (0..5000).map(|n| (n, "same")).collect();
        let mut changed = base.clone();
        for n in [0, 7, 2500, 4999] {
            changed.insert(n, "other");
        }
        for n in [3, 1000, 2999, 3000] {
            changed.remove(&n);
        }
        changed.extend([(7000, "new"), (7001, "new")]);
        let (theirs, ours) = (store(&changed).await, store(&base).await);
        let (theirs, ours) = (theirs.snapshot().unwrap(), ours.snapshot().unwrap());
        let (fetched, removed) = bring(&*theirs, &*ours);
        assert_eq!(fetched, [0, 7, 2500, 4999, 7000, 7001].map(key));
        assert_eq!(removed, [3, 1000, 2999, 3000].map(key));
        assert_eq!(bring(&*theirs, &*theirs), (vec![], vec![]));
    }

    /// Wherever a page ends, and whatever lies beside its end.
    #[tokio::test]
    async fn any_two_states_are_brought_in_step() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..200 {
            let mut some =
                || (0..next() % 80).map(|_| (usize::try_from(next() % 60).unwrap(), "v")).collect::<BTreeMap<_, _>>();
            let (here, there) = (some(), some());
            let (theirs, ours) = (store(&here).await, store(&there).await);
            let (fetched, removed) = bring(&*theirs.snapshot().unwrap(), &*ours.snapshot().unwrap());
            let mut keys: std::collections::BTreeSet<RawKey> = there.keys().map(|n| key(*n)).collect();
            removed.iter().for_each(|gone| assert!(keys.remove(gone), "taken away, and was not there"));
            keys.extend(fetched);
            assert_eq!(keys, here.keys().map(|n| key(*n)).collect());
        }
    }

    #[tokio::test]
    async fn a_first_copy_is_the_difference_to_nothing() {
        let theirs = store(&(0..2500).map(|n| (n, "same")).collect()).await;
        let ours = MemoryStore::default();
        let (theirs, ours) = (theirs.snapshot().unwrap(), ours.snapshot().unwrap());
        let (fetched, removed) = bring(&*theirs, &*ours);
        assert_eq!((fetched.len(), removed.len()), (2500, 0));
        let (fetched, removed) = bring(&*ours, &*theirs);
        assert_eq!((fetched.len(), removed.len()), (0, 2500));
    }

    #[test]
    fn a_counter_is_told_from_bytes() {
        let at = |value| digest(b"R", &Stored { revision: storage::Revision::default(), value });
        let n = 7_i64;
        assert_ne!(at(Value::Counter(n)), at(Value::Bytes(Bytes::copy_from_slice(&n.to_be_bytes()))));
    }
}
