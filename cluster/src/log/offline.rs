//! The log of a node that does not run: where it ends, and a few entries behind its end.

use std::path::Path;

use openraft::EntryPayload;
use rocksdb::WriteBatch;

use super::disk::{Disk, Found, OpenError, key};
use super::{encoding, tail};
use crate::consensus::{Entry, LogId, NodeId, StoredMembership, Vote};
use crate::format::{Form, Formats};

pub(crate) struct Offline {
    disk: Disk,
    found: Found,
}

impl Offline {
    /// Whether there is a log; opening one would make it.
    pub fn is_there(path: &Path) -> bool {
        path.join("CURRENT").exists()
    }

    pub fn open(path: &Path, node: NodeId) -> Result<Self, OpenError> {
        let (disk, found) = Disk::open(path, node, Formats::default())?;
        Ok(Self { disk, found })
    }

    pub fn last(&self) -> Option<LogId> {
        self.found.last
    }

    pub fn committed(&self) -> Option<LogId> {
        self.found.committed
    }

    pub fn last_entry(&self) -> Result<Option<Entry>, OpenError> {
        let Some(last) = self.found.last.filter(|last| Some(*last) > self.found.purged) else { return Ok(None) };
        let (mut entries, _) = self.disk.view().entries(last.index, last.index + 1, usize::MAX)?;
        Ok(entries.pop())
    }

    /// The memberships behind `after`, in their order.
    pub fn memberships(&self, after: Option<LogId>) -> Result<Vec<StoredMembership>, OpenError> {
        let (mut from, to) = (tail::next(after.max(self.found.purged)), tail::next(self.found.last));
        let (view, mut memberships) = (self.disk.view(), Vec::new());
        while from < to {
            let (entries, _) = view.entries(from, to, READ_BYTES)?;
            from += entries.len() as u64;
            for entry in entries {
                if let EntryPayload::Membership(membership) = entry.payload {
                    memberships.push(StoredMembership::new(Some(entry.log_id), membership));
                }
            }
        }
        Ok(memberships)
    }

    /// Appends and votes, all at once, and on disk when this returns. `applied` may be ahead of the log, after a snapshot was
    /// installed; what the log lacks then counts as purged. A higher vote stays.
    pub fn append(&self, applied: Option<LogId>, entries: &[Entry], vote: Vote) -> Result<(), OpenError> {
        let mut batch = WriteBatch::default();
        if let Some(applied) = applied.filter(|applied| Some(*applied) > self.found.last) {
            self.disk.delete_entries(&mut batch, 0, applied.index + 1);
            self.disk.put_meta(&mut batch, key::PURGED, &encoding::encode_log_id(&applied));
        }
        for entry in entries {
            let encoded = encoding::encode_entry(entry, Form::of(self.found.level));
            self.disk.put_entry(&mut batch, entry.log_id.index, &encoded);
        }
        if self.found.vote.is_none_or(|stored| stored.leader_id < vote.leader_id) {
            self.disk.put_meta(&mut batch, key::VOTE, &encoding::encode_vote(&vote));
        }
        Ok(self.disk.write(batch, true)?)
    }
}

/// What one read takes at most, beside its first entry.
const READ_BYTES: usize = 2 << 20;
