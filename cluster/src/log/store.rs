//! The log as consensus sees it.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::{Stream, TryStreamExt, stream};
use openraft::storage::RaftLogStorage;
use openraft::{OptionalSend, RaftLogReader};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot, watch};

use super::busy::Busy;
use super::disk::{Disk, OpenError};
use super::encoding;
use super::faults::Faults;
use super::tail::{self, Tail};
use super::writer::{Durable, OnFatal, Op, Queued, Writer};
use crate::consensus::{Entry, IoFlushed, LogId, LogState, NodeId, TypeConfig, Vote};
use crate::format::{Form, Formats, Level};

#[derive(Clone)]
pub struct LogOptions {
    pub path: PathBuf,
    /// Whose log it is: a folder of another node is refused.
    pub node: NodeId,
    /// How many bytes of written entries stay in memory.
    pub tail_bytes: usize,
    pub faults: Faults,
    pub on_fatal: OnFatal,
    /// What this version reads.
    pub formats: Formats,
    /// What entries are written at.
    pub level: Level,
}

impl LogOptions {
    pub fn new(path: impl AsRef<Path>, node: NodeId, on_fatal: OnFatal) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            node,
            tail_bytes: 64 << 20,
            faults: Faults::default(),
            on_fatal,
            formats: Formats::default(),
            level: Level::default(),
        }
    }
}

/// A handle to the log; clones share it. The disk is let go when the last one drops, or by [`close`](Self::close).
#[derive(Clone)]
pub struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<Disk>,
    tail: Arc<RwLock<Tail>>,
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    durable: watch::Receiver<Durable>,
    appended: AtomicU64,
    on_fatal: OnFatal,
    level: Level,
    busy: Arc<Busy>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl LogStore {
    pub fn open(options: LogOptions) -> Result<Self, OpenError> {
        let (disk, found) = Disk::open(&options.path, options.node, options.formats)?;
        options.level.reach(found.level);
        let disk = Arc::new(disk);
        let tail = Tail::new(options.tail_bytes, found.last, found.purged, found.vote, found.committed);
        let tail = Arc::new(RwLock::new(tail));
        let (queue, operations) = mpsc::channel();
        let busy = Arc::new(Busy::default());
        let (durable, watched) = watch::channel(Durable { next: tail::next(found.last), ended: false });
        let writer = Writer {
            disk: Arc::clone(&disk),
            tail: Arc::clone(&tail),
            queue: operations,
            durable,
            busy: Arc::clone(&busy),
            faults: options.faults,
            level: found.level,
            on_fatal: Arc::clone(&options.on_fatal),
        };
        let thread = std::thread::Builder::new().name("raft-log-writer".to_owned()).spawn(move || writer.run())?;
        let shared = Shared {
            disk,
            tail,
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            durable: watched,
            appended: AtomicU64::new(found.bytes),
            on_fatal: options.on_fatal,
            level: options.level,
            busy,
            writer: Mutex::new(Some(thread)),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How far the log is on disk; apply waits for it.
    pub fn durable(&self) -> watch::Receiver<Durable> {
        self.shared.durable.clone()
    }

    /// Whether this log has a past: a vote or an entry.
    pub fn is_empty(&self) -> bool {
        let tail = self.shared.tail.read();
        tail.vote.is_none() && tail.last.is_none()
    }

    pub fn purged(&self) -> Option<LogId> {
        self.shared.tail.read().purged
    }

    pub fn last(&self) -> Option<LogId> {
        self.shared.tail.read().last
    }

    /// For how long the disk has been at one write.
    pub fn stall(&self) -> Duration {
        self.shared.busy.for_how_long()
    }

    /// How many bytes were appended in all, with an estimate for what the disk held at the start.
    pub fn appended_bytes(&self) -> u64 {
        self.shared.appended.load(Ordering::Relaxed)
    }

    /// Writes what waits, ends the writer and the disk's background work. Blocks.
    pub fn close(&self) {
        self.shared.stop();
        self.shared.disk.stop_background_work();
    }

    async fn submit(&self, op: Op, bytes: usize) -> io::Result<()> {
        let bytes = (bytes + OP_BYTES).min(QUEUE_BYTES);
        let permits = u32::try_from(bytes).map_err(io::Error::other)?;
        let room = Arc::clone(&self.shared.room).acquire_many_owned(permits).await.map_err(io::Error::other)?;
        self.shared.queue.send(Queued { op, bytes, _room: Some(room) }).map_err(|_| closed())
    }

    /// The entries of `from..to` that the log holds, until they have `cap` bytes.
    async fn read(&self, from: u64, to: u64, cap: usize) -> io::Result<Vec<Entry>> {
        {
            let tail = self.shared.tail.read();
            let (from, to) = tail.clamp(from, to);
            if from >= to {
                return Ok(Vec::new());
            }
            if from >= tail.first() {
                return Ok(tail.entries(from, to, cap));
            }
        }
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.read_disk(from, to, cap)).await.map_err(io::Error::other)?
    }
}

impl Shared {
    fn read_disk(&self, from: u64, to: u64, cap: usize) -> io::Result<Vec<Entry>> {
        // The view is taken under the lock: what is not in the tail then is surely in the view, and as it should be.
        let tail = self.tail.read();
        let (from, to) = tail.clamp(from, to);
        if from >= to {
            return Ok(Vec::new());
        }
        let border = tail.first().clamp(from, to);
        let recent = tail.entries(border, to, cap);
        let view = self.disk.view();
        drop(tail);
        if from == border {
            return Ok(recent);
        }
        let (mut entries, bytes) = view.entries(from, border, cap)?;
        if bytes < cap {
            // The sum may pass the cap by what memory had; both halves keep to it.
            entries.extend(recent);
        }
        Ok(entries)
    }

    fn stop(&self) {
        self.queue.send(Queued { op: Op::Stop, bytes: 0, _room: None }).ok();
        if let Some(thread) = self.writer.lock().take() {
            // A panic of the writer has been reported by its hook, and its watch has closed.
            thread.join().ok();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        let (from, to) = ends(&range);
        self.read(from, to, usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start, end, READ_BYTES).await
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = ends(&range);
        let log = self.clone();
        stream::try_unfold((log, from), move |(log, from)| async move {
            let entries = log.read(from, to, READ_BYTES).await?;
            let Some(last) = entries.last().map(|entry| entry.log_id.index) else { return Ok(None) };
            let chunk = stream::iter(entries.into_iter().map(io::Result::Ok));
            Ok::<_, io::Error>(Some((chunk, (log, last + 1))))
        })
        .try_flatten()
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.shared.tail.read().vote)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState> {
        let tail = self.shared.tail.read();
        Ok(LogState { last_purged_log_id: tail.purged, last_log_id: tail.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        self.submit(Op::Vote { vote: *vote, done }, 0).await?;
        answer.await.map_err(|_| closed())??;
        self.shared.tail.write().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.shared.tail.write().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.shared.tail.read().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IoFlushed) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let level = self.shared.level.get();
        let encode = |entry| (encoding::encode_entry(&entry, Form::of(level)), entry);
        let entries: Vec<_> = entries.into_iter().map(encode).collect();
        let bytes = entries.iter().map(|(encoded, _)| encoded.len()).sum::<usize>();
        let permits = u32::try_from((bytes + OP_BYTES).min(QUEUE_BYTES)).map_err(io::Error::other)?;
        let room = Arc::clone(&self.shared.room).acquire_many_owned(permits).await.map_err(io::Error::other)?;
        let mut records = Vec::with_capacity(entries.len());
        {
            let mut tail = self.shared.tail.write();
            for (encoded, entry) in entries {
                records.push((entry.log_id.index, encoded.clone()));
                tail.push(entry, encoded.len());
            }
        }
        self.shared.appended.fetch_add(bytes as u64, Ordering::Relaxed);
        let op = Op::Append { entries: records, level, done: callback };
        self.shared.queue.send(Queued { op, bytes, _room: Some(room) }).map_err(|_| closed())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let (from, to) = (tail::next(last_log_id), tail::next(self.last()));
        if from >= to {
            return Ok(());
        }
        let committed = self.shared.tail.read().committed;
        if committed.is_some_and(|committed| committed.index >= from) {
            // Consensus never asks for it. A leader does that was recovered from less than this node has.
            let why = format!("the leader's log contradicts entry {from}, which this node knows to be committed");
            (self.shared.on_fatal)(&why);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.shared.tail.write().truncate(from, last_log_id);
        // Awaited, so that no later append is taken for durable by the flush of what it replaces.
        let (done, answer) = oneshot::channel();
        self.submit(Op::Truncate { from, to, done }, 0).await?;
        answer.await.map_err(|_| closed())?
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        let from = tail::next(self.purged());
        if log_id.index < from {
            return Ok(());
        }
        self.shared.tail.write().purge(log_id);
        self.submit(Op::Purge { from, upto: log_id }, 0).await
    }
}

fn ends(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(n) => *n,
        Bound::Excluded(n) => n.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(n) => n.saturating_add(1),
        Bound::Excluded(n) => *n,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the log is closed")
}

/// What the queue may hold before `append` waits.
const QUEUE_BYTES: usize = 64 << 20;
/// What an operation counts for, beside its entries.
const OP_BYTES: usize = 64;
/// What one read for replication or apply returns.
const READ_BYTES: usize = 2 << 20;
