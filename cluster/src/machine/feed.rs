//! The feed: what the replicated keys went through, kept for secondaries.
//!
//! It is written by apply in the same write as the change, while somebody follows, and cut at its old end by log entries. Each
//! step says the revision and the fingerprint behind it, so a follower that names both is known to have what the feed says, or not.

use bytes::Bytes;
use rocksdb::{Direction, IteratorMode, WriteBatch};
use storage::{Millis, Revision, StoreError};

use super::database::{Database, FEED, unreadable};
use super::position::Position;
use crate::dr::{Fact, Fed};

/// What there is behind a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Nothing, or these steps in order, encoded.
    Steps(Vec<Bytes>),
    /// The feed does not know the revision, or knows it with another fingerprint.
    Unknown,
}

pub(super) fn write(database: &Database, write: &mut WriteBatch, position: &Position, now: Millis, fact: Fact) {
    let (revision, fingerprint) = (position.revision, position.fingerprint);
    let fed = Fed { revision, fingerprint, now, fact };
    write.put_cf(database.column(FEED), Fed::place(revision), fed.encode());
}

/// Everything below the revision goes; what led to it stays, for a follower that has just that.
pub(super) fn trim(database: &Database, write: &mut WriteBatch, upto: Revision) {
    write.delete_range_cf(database.column(FEED), START, Fed::place(upto).as_slice());
}

pub(super) fn clear(database: &Database, write: &mut WriteBatch) {
    write.delete_range_cf(database.column(FEED), START, END);
}

impl Database {
    /// The steps behind a moment of the history, up to about so many bytes.
    pub fn fed_behind(&self, revision: Revision, fingerprint: [u8; 32], bytes: usize) -> Result<Behind, StoreError> {
        let damaged = |error| StoreError::Corrupt(format!("a step of the feed: {error}"));
        let at = Fed::place(revision);
        let mut items = self.rocks().iterator_cf(self.column(FEED), IteratorMode::From(&at, Direction::Forward));
        let known = match items.next().transpose().map_err(unreadable)? {
            Some((key, record)) if *key == at => Fed::decode(record.to_vec().into()).map_err(damaged)?,
            _ => return Ok(Behind::Unknown),
        };
        if (known.revision, known.fingerprint) != (revision, fingerprint) {
            return Ok(Behind::Unknown);
        }
        let (mut steps, mut size) = (Vec::new(), 0);
        for item in items {
            let (_, record) = item.map_err(unreadable)?;
            size += record.len();
            if size > bytes && !steps.is_empty() {
                break;
            }
            steps.push(Bytes::from(record));
        }
        Ok(Behind::Steps(steps))
    }

    /// About what the feed takes.
    pub fn feed_bytes(&self) -> u64 {
        let part = |name: &str| self.rocks().property_int_value_cf(self.column(FEED), name).ok().flatten().unwrap_or(0);
        part("rocksdb.estimate-live-data-size") + part("rocksdb.cur-size-all-mem-tables")
    }

    /// From where on the feed would be so many bytes smaller.
    pub fn feed_shorter_by(&self, bytes: u64) -> Result<Option<Revision>, StoreError> {
        let damaged = |error| StoreError::Corrupt(format!("a step of the feed: {error}"));
        let mut seen = 0;
        for item in self.rocks().iterator_cf(self.column(FEED), IteratorMode::Start) {
            let (_, record) = item.map_err(unreadable)?;
            seen += record.len() as u64;
            if seen >= bytes {
                return Ok(Some(Fed::decode(record.to_vec().into()).map_err(damaged)?.revision));
            }
        }
        Ok(None)
    }
}

/// Before every place in the feed, and behind every one.
const START: &[u8] = &[];
const END: &[u8] = &[0xff; 13];
