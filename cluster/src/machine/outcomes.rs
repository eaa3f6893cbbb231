//! What became of the latest requests: a window over their ids, and the sealed answers of those that were forwarded.
//!
//! The ids are in memory, the answers on disk under the index of their entry. The window is bounded by count and by
//! bytes; both depend on the entries alone, so every node evicts the same ones. A refused batch changed nothing and is
//! not in it: its transaction runs again under the same id.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use storage::{Ran, RequestId, Revision, StoreError};

use crate::format::Form;

/// What can be said of a request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ran(Ran),
    /// It has not run, as of the applied index.
    NotRun,
    /// It is too old to tell.
    Forgotten,
}

#[derive(Clone, Copy)]
struct Kept {
    index: u64,
    id: RequestId,
    bytes: usize,
}

pub(super) struct Outcomes {
    ids: HashMap<RequestId, u64>,
    order: VecDeque<Kept>,
    bytes: usize,
    limits: Limits,
}

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub count: usize,
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { count: 100_000, bytes: 64 << 20 }
    }
}

impl Outcomes {
    pub fn new(limits: Limits) -> Self {
        Self { ids: HashMap::new(), order: VecDeque::new(), bytes: 0, limits }
    }

    /// The index of the entry that ran the request.
    pub fn find(&self, id: &RequestId) -> Option<u64> {
        self.ids.get(id).copied()
    }

    pub fn push(&mut self, index: u64, id: RequestId, bytes: usize) {
        self.ids.insert(id, index);
        self.order.push_back(Kept { index, id, bytes });
        self.bytes += bytes;
    }

    /// The indexes that leave when a record of so many bytes comes in, oldest first.
    pub fn leaving(&self, bytes: usize) -> Vec<u64> {
        let (mut count, mut total) = (self.order.len() + 1, self.bytes + bytes);
        let mut gone = Vec::new();
        for kept in &self.order {
            if count <= self.limits.count && total <= self.limits.bytes {
                break;
            }
            gone.push(kept.index);
            count -= 1;
            total -= kept.bytes;
        }
        gone
    }

    /// Forgets the oldest `count`.
    pub fn evict(&mut self, count: usize) {
        for kept in self.order.drain(..count.min(self.order.len())) {
            self.bytes -= kept.bytes;
            self.ids.remove(&kept.id);
        }
    }
}

pub(super) fn encode(id: &RequestId, revision: Revision, answer: Option<&Bytes>, form: Form) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + RequestId::LEN + Revision::LEN + answer.map_or(0, Bytes::len));
    out.push(FORMAT);
    out.push(u8::from(answer.is_some()));
    out.extend_from_slice(&id.to_bytes());
    out.extend_from_slice(&revision.to_bytes());
    out.extend_from_slice(answer.map_or(&[][..], |a| &a[..]));
    match form {
        Form::First => out,
        #[cfg(feature = "faults")]
        Form::Next => crate::under_test::write(&out),
    }
}

pub(super) fn decode(record: &[u8]) -> Result<(RequestId, Ran), StoreError> {
    #[cfg(feature = "faults")]
    let record = &*crate::under_test::read(record);
    let damaged = || StoreError::Corrupt("an outcome is malformed".to_owned());
    if let Some(other) = record.first().filter(|first| **first != FORMAT) {
        return Err(StoreError::Corrupt(format!("an outcome is of format {other}, which this version does not know")));
    }
    let (header, rest) = record.split_at_checked(2).ok_or_else(damaged)?;
    let (id, rest) = rest.split_at_checked(RequestId::LEN).ok_or_else(damaged)?;
    let id = RequestId::from_bytes(id).ok_or_else(damaged)?;
    let (revision, answer) = rest.split_at_checked(Revision::LEN).ok_or_else(damaged)?;
    let revision = Revision::from_bytes(revision).ok_or_else(damaged)?;
    let answer = match header {
        [FORMAT, 0] if answer.is_empty() => None,
        [FORMAT, 1] => Some(Bytes::copy_from_slice(answer)),
        _ => return Err(damaged()),
    };
    Ok((id, Ran { revision, answer }))
}

const FORMAT: u8 = 2;

#[cfg(test)]
mod tests {
    use storage::Epoch;

    use super::*;

    fn id(n: u8) -> RequestId {
        RequestId { applied: 0, random: [n; 16] }
    }

    #[test]
    fn the_oldest_leave_by_count_and_by_bytes() {
        let mut outcomes = Outcomes::new(Limits { count: 3, bytes: 100 });
        for n in 1..=3 {
            assert!(outcomes.leaving(10).is_empty());
            outcomes.push(u64::from(n), id(n), 10);
        }
        assert_eq!(outcomes.leaving(10), [1]);
        assert_eq!(outcomes.leaving(85), [1, 2]);
        outcomes.evict(2);
        assert_eq!((outcomes.find(&id(1)), outcomes.find(&id(3))), (None, Some(3)));
        assert!(outcomes.leaving(90).is_empty());
    }

    #[test]
    fn records_come_back_as_they_were() {
        let revision = Revision { epoch: Epoch { number: 2, bits: 3 }, n: 5 };
        for answer in [None, Some(Bytes::new()), Some(Bytes::from_static(b"x"))] {
            let record = encode(&id(4), revision, answer.as_ref(), Form::First);
            assert_eq!(decode(&record).unwrap(), (id(4), Ran { revision, answer }));
        }
        assert!(decode(b"\x01\x00short").is_err());
    }
}
