//! The feed: what the replicated keys went through, kept for secondaries.
//!
//! It is written by apply in the same write as the change, while somebody follows, and cut at its old end by log entries. Each
//! step says the revision and the fingerprint behind it, so a follower that names both is known to have what the feed says, or not.
//! Before it stands how many bytes of steps were written until then, so the first and the last say how large the feed is.

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

/// Answers how many bytes of steps were written then; `written` were before.
#[must_use]
pub(super) fn write(
    database: &Database,
    write: &mut WriteBatch,
    position: &Position,
    now: Millis,
    fact: Fact,
    written: u64,
) -> u64 {
    let (revision, fingerprint) = (position.revision, position.fingerprint);
    let step = Fed { revision, fingerprint, now, fact }.encode();
    let written = written + (COUNT + step.len()) as u64;
    let record = [&written.to_be_bytes(), &*step].concat();
    write.put_cf(database.column(FEED), Fed::place(revision), record);
    written
}

/// What is written before a step, and the step.
fn split(record: &[u8]) -> Result<(u64, Bytes), StoreError> {
    let damaged = || StoreError::Corrupt("a step of the feed is malformed".to_owned());
    let (written, step) = record.split_first_chunk().ok_or_else(damaged)?;
    Ok((u64::from_be_bytes(*written), Bytes::copy_from_slice(step)))
}

fn decode(record: &[u8]) -> Result<Fed, StoreError> {
    Fed::decode(split(record)?.1).map_err(|error| StoreError::Corrupt(format!("a step of the feed: {error}")))
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
        let at = Fed::place(revision);
        let mut items = self.feed(IteratorMode::From(&at, Direction::Forward));
        let known = match items.next().transpose()? {
            Some((key, record)) if *key == at => decode(&record)?,
            _ => return Ok(Behind::Unknown),
        };
        if (known.revision, known.fingerprint) != (revision, fingerprint) {
            return Ok(Behind::Unknown);
        }
        let (mut steps, mut size) = (Vec::new(), 0);
        for item in items {
            let (_, record) = item?;
            size += record.len();
            if size > bytes && !steps.is_empty() {
                break;
            }
            steps.push(split(&record)?.1);
        }
        Ok(Behind::Steps(steps))
    }

    /// How many bytes of steps were ever written.
    pub fn fed(&self) -> Result<u64, StoreError> {
        let last = self.feed(IteratorMode::End).next().transpose()?;
        last.map_or(Ok(0), |(_, record)| Ok(split(&record)?.0))
    }

    /// What the feed takes.
    pub fn feed_bytes(&self) -> Result<u64, StoreError> {
        let Some((_, first)) = self.feed(IteratorMode::Start).next().transpose()? else { return Ok(0) };
        let (written, step) = split(&first)?;
        Ok(self.fed()?.saturating_sub(written) + (COUNT + step.len()) as u64)
    }

    /// From where on the feed takes no more than so many bytes.
    pub fn feed_within(&self, bytes: u64) -> Result<Option<Revision>, StoreError> {
        let from = self.fed()?.saturating_sub(bytes);
        for item in self.feed(IteratorMode::Start) {
            let (_, record) = item?;
            if split(&record)?.0 > from {
                return Ok(Some(decode(&record)?.revision));
            }
        }
        Ok(None)
    }

    fn feed(&self, mode: IteratorMode<'_>) -> impl Iterator<Item = Result<(Box<[u8]>, Box<[u8]>), StoreError>> {
        self.rocks().iterator_cf(self.column(FEED), mode).map(|item| item.map_err(unreadable))
    }
}

/// Before every place in the feed, and behind every one.
const START: &[u8] = &[];
const END: &[u8] = &[0xff; 13];
/// The bytes of the number before a step.
const COUNT: usize = 8;
