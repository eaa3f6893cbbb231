//! The state machine as consensus drives it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use futures::stream::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::{Mutex, RwLock};
use storage::{Change, Epoch, Journal, StoreError};
use tokio::sync::watch;

use super::apply::{Group, Live};
use super::database::{self, Database};
use super::known::Known;
use super::outcomes::Limits;
use super::position::Position;
use super::reader::StateReader;
use super::stray::Stray;
use super::trail::Trail;
use super::view::StateView;
use crate::consensus::{Applied, Command, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};
use crate::dr::Standing;
use crate::format::{Formats, Level};
use crate::log::{Durable, OnFatal, OpenError};
use crate::snapshot::{Checkpoint, Shelf, link_files};

#[derive(Clone)]
pub struct MachineOptions {
    /// The folder that holds `sm-<n>`, `SM_CURRENT` and `snap`.
    pub data: PathBuf,
    /// How far the log is on disk; nothing is applied before.
    pub durable: Option<watch::Receiver<Durable>>,
    pub on_fatal: OnFatal,
    /// What this version reads.
    pub formats: Formats,
    pub stray: Stray,
    /// Is told of the cluster's level.
    pub level: Level,
}

pub struct Machine {
    shared: Arc<Shared>,
    durable: Option<watch::Receiver<Durable>>,
}

pub(super) struct Shared {
    data: PathBuf,
    pub database: ArcSwap<Database>,
    /// Written by apply and install alone, which never run at once.
    pub live: RwLock<Live>,
    pub position: watch::Sender<Position>,
    /// Up to which index entries are applied or being applied: a view may show more of them than the position says.
    pub begun: AtomicU64,
    /// The cluster's level, which every message between nodes says: nobody waits for apply to learn it.
    pub format: AtomicU32,
    /// Moves when another line of history begins, which is seldom.
    pub epoch: watch::Sender<Epoch>,
    pub standing: watch::Sender<Arc<Standing>>,
    pub journal: Arc<Journal>,
    /// The view that was taken last, while somebody still looks at it.
    pub recent: Mutex<Weak<StateView>>,
    pub shelf: Shelf,
    limits: Limits,
    on_fatal: OnFatal,
    formats: Formats,
    stray: Stray,
    level: Level,
}

impl Machine {
    pub fn open(options: MachineOptions) -> Result<Self, OpenError> {
        Self::open_with(options, Limits::default())
    }

    pub(super) fn open_with(options: MachineOptions, limits: Limits) -> Result<Self, OpenError> {
        fs::create_dir_all(&options.data)?;
        let number = database::current(&options.data)?;
        let database = Database::open(database::folder(&options.data, number))?;
        let live = load(&database, limits, options.formats)?;
        database::sweep(&options.data, number)?;
        let formats = options.formats;
        let shelf = Shelf::open(options.data.join("snap"), Arc::new(move |at: &Path| database::read_meta(at, formats)));
        let shelf = shelf.map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => OpenError::Level(error.to_string()),
            _ => error.into(),
        })?;
        options.level.reach(live.format);
        let journal = Arc::new(Journal::default());
        journal.note(live.position.revision, Change::Everything);
        let shared = Shared {
            data: options.data,
            begun: AtomicU64::new(live.position.index()),
            format: AtomicU32::new(live.format),
            position: watch::channel(live.position.clone()).0,
            epoch: watch::channel(live.position.revision.epoch).0,
            standing: watch::channel(live.standing.clone()).0,
            database: ArcSwap::from_pointee(database),
            live: RwLock::new(live),
            journal,
            recent: Mutex::default(),
            shelf,
            limits,
            on_fatal: options.on_fatal,
            formats: options.formats,
            stray: options.stray,
            level: options.level,
        };
        Ok(Self { shared: Arc::new(shared), durable: options.durable })
    }

    pub fn reader(&self) -> StateReader {
        StateReader::new(Arc::clone(&self.shared))
    }

    /// Waits until the log up to `index` is on this node's disk.
    async fn durable_to(&mut self, index: u64) -> io::Result<()> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let reached = durable.wait_for(|durable| durable.next > index || durable.ended).await;
        match reached {
            Ok(durable) if durable.next > index => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the log ended before the entry was on disk")),
        }
    }
}

impl Shared {
    /// Applies entries in order. Where one fails the node stops, with what its log has to apply again.
    fn apply(&self, entries: &[Entry]) -> io::Result<Vec<Applied>> {
        let Some(last) = entries.last() else { return Ok(Vec::new()) };
        self.begun.fetch_max(last.log_id.index, Ordering::SeqCst);
        let database = self.database.load_full();
        let mut answers = Vec::with_capacity(entries.len());
        let mut rest = entries;
        while !rest.is_empty() {
            let (together, later) = rest.split_at(together(rest));
            rest = later;
            let (mut live, mut group) = (self.live.write(), Group::default());
            for entry in together {
                self.readable(entry)?;
                let stray = self.stray.lead(entry);
                let answer = live.apply(&database, &self.journal, &mut group, &stray);
                answers.push(answer.map_err(|error| self.broken(entry, error))?);
            }
            live.write(&database, &mut group).map_err(|error| self.broken(last, error))?;
        }
        let live = self.live.read();
        let (position, standing, format) = (live.position.clone(), live.standing.clone(), live.format);
        drop(live);
        self.tell(position, standing, format);
        Ok(answers)
    }

    fn broken(&self, entry: &Entry, error: StoreError) -> io::Error {
        tracing::error!(index = entry.log_id.index, error = %error, "an entry cannot be applied; this node stops");
        (self.on_fatal)(&format!("an entry cannot be applied: {error}"));
        io::Error::other(error)
    }

    /// What this version cannot read it may not apply either.
    fn readable(&self, entry: &Entry) -> io::Result<()> {
        let EntryPayload::Normal(Command::Format(level)) = &entry.payload else { return Ok(()) };
        let Some(problem) = self.formats.problem(*level) else { return Ok(()) };
        tracing::error!(index = entry.log_id.index, problem, "this node stops");
        (self.on_fatal)(&problem);
        Err(io::Error::new(io::ErrorKind::Unsupported, problem))
    }

    fn tell(&self, position: Position, standing: Arc<Standing>, format: u32) {
        self.level.reach(format);
        self.format.store(format, Ordering::Relaxed);
        let epoch = position.revision.epoch;
        self.standing.send_if_modified(|known| std::mem::replace(known, standing).version != known.version);
        self.position.send_replace(position);
        self.epoch.send_if_modified(|known| std::mem::replace(known, epoch) != epoch);
    }

    /// Puts a checkpoint's state in the place of the current one. Until the pointer changes, a crash keeps the old.
    fn install(&self, meta: &SnapshotMeta, checkpoint: &Checkpoint) -> io::Result<()> {
        let number = database::current(&self.data).map_err(io::Error::other)? + 1;
        let folder = database::folder(&self.data, number);
        if folder.exists() {
            // An install that failed half-way, in this very process.
            fs::remove_dir_all(&folder)?;
        }
        link_files(checkpoint.folder(), &folder)?;
        let database = Database::open(folder).map_err(io::Error::other)?;
        let live = load(&database, self.limits, self.formats).map_err(|error| {
            database.doom();
            io::Error::other(error)
        })?;
        if live.position.applied != meta.last_log_id || live.membership != meta.last_membership {
            database.doom();
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the snapshot holds another state than it says"));
        }
        self.shelf.adopt(checkpoint)?;
        database::set_current(&self.data, number)?;

        let (position, standing, format) = (live.position.clone(), live.standing.clone(), live.format);
        let mut current = self.live.write();
        *current = live;
        self.journal.note(position.revision, Change::Everything);
        let old = self.database.swap(Arc::new(database));
        drop(current);
        old.doom();
        tracing::info!(index = position.index(), folder = %self.database.load().path().display(), "a snapshot was installed");
        self.tell(position, standing, format);
        Ok(())
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = Checkpoint;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let live = self.shared.live.read();
        Ok((live.position.applied, live.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let mut groups = entries.ready_chunks(GROUP);
        while let Some(group) = groups.next().await {
            let (entries, responders): (Vec<_>, Vec<_>) =
                group.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
            if let Some(last) = entries.last() {
                self.durable_to(last.log_id.index).await?;
            }
            let shared = Arc::clone(&self.shared);
            let began = Instant::now();
            let answers = blocking(move || shared.apply(&entries)).await?;
            metrics::histogram!("vault.raft.fsm.apply").record(began.elapsed().as_secs_f64() * 1000.0);
            for (responder, answer) in responders.into_iter().zip(answers) {
                if let Some(responder) = responder {
                    responder.send(answer);
                }
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { shared: Arc::clone(&self.shared) }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, checkpoint: Checkpoint) -> io::Result<()> {
        let (shared, meta) = (Arc::clone(&self.shared), meta.clone());
        blocking(move || shared.install(&meta, &checkpoint)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.shared.shelf.current().map(offered))
    }
}

/// Makes a checkpoint beside apply; the checkpoint itself says which position it caught.
pub struct Builder {
    shared: Arc<Shared>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Checkpoint;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let shared = Arc::clone(&self.shared);
        let database = shared.database.load_full();
        blocking(move || shared.shelf.add(|folder: &Path| database.checkpoint(folder))).await.map(offered)
    }
}

fn offered(checkpoint: Checkpoint) -> Snapshot {
    Snapshot { meta: checkpoint.meta().clone(), snapshot: checkpoint }
}

fn load(database: &Database, limits: Limits, formats: Formats) -> Result<Live, OpenError> {
    let corrupt = |error: StoreError| OpenError::Corrupt(error.to_string());
    let format = database.format().map_err(corrupt)?;
    if let Some(problem) = formats.problem(format) {
        return Err(OpenError::Level(problem));
    }
    let read = || {
        let position = database.position()?;
        let outcomes = database.outcomes(position.evicted, limits)?;
        let (loading, recovery) = (database.loading()?, database.recovery()?.map(Arc::new));
        let (membership, removed) = (database.membership()?, database.removed()?);
        let (trail, standing) = (Trail::from(&position), Arc::new(database.standing()?));
        let fed = database.fed()?;
        let known = Known::default();
        Ok(Live { membership, removed, outcomes, loading, recovery, format, trail, standing, fed, known, position })
    };
    read().map_err(corrupt)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// How many entries one hop to the blocking threads applies at most.
const GROUP: usize = 256;
/// How many of them are one write, until they have so many bytes: for so long, whoever wants to know what became of a request
/// waits.
const TOGETHER: usize = 32;
const TOGETHER_BYTES: usize = 1 << 20;

/// How many of the first entries are one write.
fn together(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let before = bytes;
        if let EntryPayload::Normal(Command::Batch(batch)) = &entry.payload {
            bytes += batch.size();
        }
        before < TOGETHER_BYTES
    };
    entries.iter().take(TOGETHER).take_while(fits).count()
}
