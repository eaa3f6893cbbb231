//! What the log is at this moment, and its recent entries in memory.
//!
//! The tail holds every entry that the writer has not written yet, and as many written ones behind them as its byte cap
//! allows: replication and apply nearly always read what was just appended. Entries below the tail are on disk.

use std::collections::BTreeMap;

use crate::consensus::{Entry, LogId, Vote};

pub(super) struct Tail {
    entries: BTreeMap<u64, (Entry, usize)>,
    bytes: usize,
    cap: usize,
    /// The first index that the writer has not written.
    written: u64,
    /// The first index that the log holds, or would hold.
    start: u64,
    pub last: Option<LogId>,
    pub purged: Option<LogId>,
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
}

impl Tail {
    pub fn new(
        cap: usize,
        last: Option<LogId>,
        purged: Option<LogId>,
        vote: Option<Vote>,
        committed: Option<LogId>,
    ) -> Self {
        let written = next(last);
        Self { entries: BTreeMap::new(), bytes: 0, cap, written, start: next(purged), last, purged, vote, committed }
    }

    /// The first index that is in memory, or would be.
    pub fn first(&self) -> u64 {
        self.entries.keys().next().copied().unwrap_or_else(|| next(self.last))
    }

    /// The part of `from..to` that the log holds.
    pub fn clamp(&self, from: u64, to: u64) -> (u64, u64) {
        (from.max(self.start), to.min(next(self.last)))
    }

    /// The entries from `from` on, up to but without `to`, within memory; stops as [`View::entries`] does.
    ///
    /// [`View::entries`]: super::disk::View::entries
    pub fn entries(&self, from: u64, to: u64, cap: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let mut entries = Vec::new();
        for (entry, size) in self.entries.range(from..to.max(from)).map(|(_, slot)| slot) {
            entries.push(entry.clone());
            bytes += size;
            if bytes >= cap {
                break;
            }
        }
        entries
    }

    pub fn push(&mut self, entry: Entry, size: usize) {
        if self.last.is_none() {
            self.start = entry.log_id.index;
        }
        self.last = Some(entry.log_id);
        self.bytes += size;
        self.entries.insert(entry.log_id.index, (entry, size));
    }

    /// Forgets the entries from `from` on; `last` is what then ends the log.
    pub fn truncate(&mut self, from: u64, last: Option<LogId>) {
        let gone = self.entries.split_off(&from);
        self.bytes -= gone.values().map(|(_, size)| size).sum::<usize>();
        self.last = last;
    }

    pub fn purge(&mut self, upto: LogId) {
        let kept = self.entries.split_off(&(upto.index + 1));
        let gone = std::mem::replace(&mut self.entries, kept);
        self.bytes -= gone.values().map(|(_, size)| size).sum::<usize>();
        self.purged = Some(upto);
        self.start = next(self.purged);
        self.last = self.last.max(Some(upto));
    }

    /// The writer has written everything below `written`: the oldest of it may leave memory.
    pub fn written(&mut self, written: u64) {
        self.written = written;
        while self.bytes > self.cap {
            let Some(oldest) = self.entries.first_entry() else { return };
            if *oldest.key() >= self.written {
                return;
            }
            self.bytes -= oldest.remove().1;
        }
    }
}

/// The index that follows a position.
pub(super) fn next(position: Option<LogId>) -> u64 {
    position.map_or(0, |id| id.index + 1)
}
