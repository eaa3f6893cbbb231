//! The thread that owns every change of the log's disk.
//!
//! It takes one operation, then whatever else waits, up to a bound, and makes one batch and at most one sync of it.
//! There is no timer: a group forms while the sync before it runs. Operations keep their order, in the batch and in
//! their answers.

use std::io;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::RwLock;
use rocksdb::WriteBatch;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::busy::Busy;
use super::disk::{Disk, key};
use super::encoding;
use super::faults::{Faults, Verdict};
use super::tail::Tail;
use crate::consensus::{IoFlushed, LogId, Vote};

/// Called once when the node can no longer keep its promises. Outside tests it ends the process.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// How far the log is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The first index that is not.
    pub next: u64,
    /// The log has failed or closed: `next` will not move again.
    pub ended: bool,
}

type Answer = oneshot::Sender<io::Result<()>>;

pub(super) enum Op {
    Append {
        entries: Vec<(u64, Bytes)>,
        /// What they are written at.
        level: u32,
        done: IoFlushed,
    },
    /// Removes the entries from `from` on, of which the newest ever appended is `to - 1`.
    Truncate {
        from: u64,
        to: u64,
        done: Answer,
    },
    /// Removes the entries from `from` up to and with `upto`.
    Purge {
        from: u64,
        upto: LogId,
    },
    Vote {
        vote: Vote,
        done: Answer,
    },
    Stop,
}

/// An operation and its share of the queue's bytes, which returns when it is done.
pub(super) struct Queued {
    pub op: Op,
    pub bytes: usize,
    pub _room: Option<OwnedSemaphorePermit>,
}

pub(super) struct Writer {
    pub disk: Arc<Disk>,
    pub tail: Arc<RwLock<Tail>>,
    pub queue: mpsc::Receiver<Queued>,
    pub durable: watch::Sender<Durable>,
    pub busy: Arc<Busy>,
    pub faults: Faults,
    /// The highest that the disk knows.
    pub level: u32,
    pub on_fatal: OnFatal,
}

impl Writer {
    pub fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            let mut bytes = first.bytes;
            let mut group = vec![first];
            while bytes < GROUP_BYTES {
                let Ok(more) = self.queue.try_recv() else { break };
                bytes += more.bytes;
                group.push(more);
            }
            let stop = group.iter().position(|queued| matches!(queued.op, Op::Stop));
            group.truncate(stop.unwrap_or(group.len()));
            match self.write(&group) {
                Ok(true) => self.complete(group),
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(error = %error, "the log cannot be written; this node stops");
                    self.durable.send_modify(|durable| durable.ended = true);
                    fail(group, &error);
                    (self.on_fatal)(&format!("the log cannot be written: {error}"));
                    self.refuse_the_rest(&error);
                    return;
                }
            }
            if stop.is_some() {
                break;
            }
        }
        self.durable.send_modify(|durable| durable.ended = true);
    }

    /// Makes the group durable; false if power is gone, as a test has it.
    fn write(&mut self, group: &[Queued]) -> io::Result<bool> {
        if group.is_empty() {
            return Ok(true);
        }
        let mut batch = WriteBatch::default();
        let mut sync = false;
        for queued in group {
            match &queued.op {
                Op::Append { entries, level, .. } => {
                    if *level > self.level {
                        self.level = *level;
                        self.disk.put_meta(&mut batch, key::LEVEL, &level.to_be_bytes());
                    }
                    sync |= !entries.is_empty();
                    metrics::counter!("holdfast.log.entries").increment(entries.len() as u64);
                    for (index, entry) in entries {
                        self.disk.put_entry(&mut batch, *index, entry);
                    }
                }
                Op::Truncate { from, to, .. } => self.disk.delete_entries(&mut batch, *from, *to),
                Op::Purge { from, upto } => {
                    self.disk.put_meta(&mut batch, key::PURGED, &encoding::encode_log_id(upto));
                    self.disk.delete_entries(&mut batch, *from, upto.index + 1);
                }
                Op::Vote { vote, .. } => {
                    sync = true;
                    self.disk.put_meta(&mut batch, key::VOTE, &encoding::encode_vote(vote));
                }
                Op::Stop => {}
            }
        }
        self.put_committed(&mut batch, group);
        let _writing = self.busy.begin();
        match self.faults.before_write() {
            Verdict::Write => {}
            Verdict::Fail(error) => return Err(error),
            Verdict::Vanish => return Ok(false),
        }
        let began = Instant::now();
        self.disk.write(batch, sync).map_err(io::Error::other)?;
        if sync {
            metrics::counter!("holdfast.log.syncs").increment(1);
            metrics::histogram!("holdfast.log.sync").record(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(true)
    }

    /// Up to where the log is committed, as far as the entries are on disk with it. It is but a hint for the next start, so
    /// it rides along with entries and costs no write of its own.
    fn put_committed(&self, batch: &mut WriteBatch, group: &[Queued]) {
        let last = group.iter().filter_map(|queued| match &queued.op {
            Op::Append { entries, .. } => entries.last().map(|(index, _)| *index),
            _ => None,
        });
        let (Some(last), Some(committed)) = (last.max(), self.tail.read().committed) else { return };
        if committed.index <= last {
            self.disk.put_meta(batch, key::COMMITTED, &encoding::encode_log_id(&committed));
        }
    }

    fn complete(&self, group: Vec<Queued>) {
        for queued in group {
            match queued.op {
                Op::Append { entries, done, .. } => {
                    if let Some((last, _)) = entries.last() {
                        self.reached(last + 1);
                    }
                    done.io_completed(Ok(()));
                }
                Op::Truncate { from, done, .. } => {
                    self.reached(from);
                    // Whoever asked may have stopped waiting.
                    done.send(Ok(())).ok();
                }
                Op::Purge { upto, .. } => {
                    let next = self.durable.borrow().next.max(upto.index + 1);
                    self.reached(next);
                }
                Op::Vote { done, .. } => {
                    done.send(Ok(())).ok();
                }
                Op::Stop => {}
            }
        }
    }

    fn reached(&self, next: u64) {
        self.tail.write().written(next);
        self.durable.send_modify(|durable| durable.next = next);
    }

    /// Answers whoever still comes, until the log is dropped.
    fn refuse_the_rest(&self, error: &io::Error) {
        while let Ok(queued) = self.queue.recv() {
            if matches!(queued.op, Op::Stop) {
                return;
            }
            fail(vec![queued], error);
        }
    }
}

fn fail(group: Vec<Queued>, error: &io::Error) {
    let again = || io::Error::new(error.kind(), error.to_string());
    for queued in group {
        match queued.op {
            Op::Append { done, .. } => done.io_completed(Err(again())),
            Op::Truncate { done, .. } | Op::Vote { done, .. } => {
                done.send(Err(again())).ok();
            }
            Op::Purge { .. } | Op::Stop => {}
        }
    }
}

/// A group takes no more once it has this many bytes.
const GROUP_BYTES: usize = 4 << 20;
