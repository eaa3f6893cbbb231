//! The next format, as a later version may have it: a process that is told to be of that version reads one format more than
//! this one, and writes it once its cluster is at it. Nobody else can read it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::format::Formats;

static IS_NEXT: AtomicBool = AtomicBool::new(false);

/// This process is of the next version. To be said before it opens anything.
pub fn be_next() {
    IS_NEXT.store(true, Ordering::Relaxed);
}

pub(crate) fn is_next() -> bool {
    IS_NEXT.load(Ordering::Relaxed)
}

pub(crate) fn formats(now: Formats) -> Formats {
    if is_next() { Formats { newest: now.newest + 1, ..now } } else { now }
}

/// The record as the next format has it: a first byte that no record has had yet, then all fields in another order.
pub(crate) fn write(record: &[u8]) -> Vec<u8> {
    std::iter::once(FORMAT).chain(record.iter().rev().copied()).collect()
}

/// The record as the present format has it. What is not of the next one stays as it is, and so does all that a process of
/// this version is given.
pub(crate) fn read(record: &[u8]) -> Cow<'_, [u8]> {
    match record.split_first() {
        Some((&FORMAT, fields)) if is_next() => fields.iter().rev().copied().collect(),
        _ => Cow::Borrowed(record),
    }
}

const FORMAT: u8 = 100;

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;

    use super::*;
    use crate::consensus::{Entry, LeaderId, LogId, SnapshotMeta};
    use crate::format::Form;
    use crate::log::encoding::{DecodeError, decode_entry, decode_snapshot_meta, encode_entry, encode_snapshot_meta};

    #[test]
    fn this_version_reads_nothing_of_it() {
        let log_id = LogId { leader_id: LeaderId { term: 1, node_id: 2 }, index: 3 };
        let entry = Entry { log_id, payload: EntryPayload::Blank };
        let refused = |error| assert!(matches!(error, DecodeError::Format(FORMAT)), "{error}");
        refused(decode_entry(encode_entry(&entry, Form::Next)).unwrap_err());
        refused(decode_snapshot_meta(encode_snapshot_meta(&SnapshotMeta::default(), Form::Next)).unwrap_err());
    }
}
