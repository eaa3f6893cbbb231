//! Opening a node: everything that can be wrong with a data folder, a key or an address is found here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft::errors::Fatal;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::autopilot::Autopilot;
use crate::campaign::{self, Campaign};
use crate::change::Changes;
use crate::consensus::{Member, Raft, Timing, TypeConfig, raft_config};
use crate::divergence::Divergence;
use crate::dr::Dr;
use crate::format::{self, Formats, Level};
use crate::forward::{ForwardHandler, Forwards};
use crate::handover::{Gate, Handover};
use crate::identity::{KeyFileError, NodeKey, Pins, server_config};
use crate::join::{self, Join};
use crate::leadership::{Leadership, Role};
use crate::load::Loads;
use crate::log::{Faults, LogOptions, LogStore, OnFatal};
use crate::machine::{Machine, MachineOptions, Stray};
use crate::membership::{self, Vouched};
use crate::network::{
    ConsensusService, Door, Listener, Local, Network, PeerService, Peers, ReplicaService, Reports, bind,
};
use crate::node::{Node, Parts, Services};
use crate::propose::Proposals;
use crate::reads::Reads;
use crate::reconcile::Reconcile;
use crate::recovery::{self, RecoverError};
use crate::shared::Shared;
use crate::snapshot::retention;
use crate::store::Store;
use crate::threads::Threads;
use crate::unseal::Unseals;

pub struct Options {
    /// The folder of everything this node keeps.
    pub data: PathBuf,
    pub name: String,
    /// Where the cluster port listens.
    pub listen: Vec<SocketAddr>,
    /// Where the others reach it: host and port.
    pub advertise: String,
    /// Where clients reach this node: a URL.
    pub api_address: String,
    pub timing: Timing,
    /// The largest batch, in bytes.
    pub max_entry_size: usize,
    /// Asks a quorum on every read instead of trusting the lease: for hosts whose monotonic clock stands still while
    /// they are paused.
    pub read_index_only: bool,
    /// Bytes of a snapshot that this node sends to another in a second; None: as fast as it goes.
    pub snapshot_rate: Option<NonZeroU64>,
    /// What is kept for secondaries that are behind takes no more bytes than about so many.
    pub feed_max: u64,
}

/// What a test may put in the place of the real thing.
pub struct Hooks {
    /// Called when the disk has failed and this node must not go on.
    pub on_fatal: OnFatal,
    pub faults: Faults,
    /// As a later version would, or an earlier one.
    pub formats: Formats,
    /// Makes the state here another one than the others'.
    pub stray: Stray,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            on_fatal: Arc::new(end_process),
            faults: Faults::default(),
            formats: Formats::default(),
            stray: Stray::default(),
        }
    }
}

/// A disk that has failed once cannot be trusted to say what it holds. The next start reads it anew.
fn end_process(why: &str) {
    tracing::error!(reason = why, "this process ends: its storage has failed");
    std::process::exit(70);
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {0} is in use by another process")]
    InUse(PathBuf),
    #[error("this node was removed from its cluster; to join again, start it with an empty data folder instead of {0}")]
    Removed(PathBuf),
    #[error(
        "this node has stopped because its state was not that of the others: {why}; keep {folder}. If the others go on, start \
         the node with an empty data folder to let it join again; if all have stopped, this may be the state that is right: \
         choose one with `operator raft recover`"
    )]
    Diverged { folder: PathBuf, why: String },
    #[error(
        "the data folder {folder} belongs to node {kept:?}, and the configuration names this node {configured:?}: \
         give each node a folder of its own, or keep the node_id"
    )]
    AnotherNode { folder: PathBuf, kept: String, configured: String },
    #[error("the cluster port cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("the recovery that raft/peers.json asks for cannot be carried out: {0}")]
    Recovery(#[from] RecoverError),
    #[error(transparent)]
    Store(#[from] crate::log::OpenError),
    #[error("the data folder {path} cannot be used: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the timing of consensus is not valid: {0}")]
    Timing(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("consensus cannot start: {0}")]
    Consensus(String),
}

/// Takes the folder for this process; None if another one has it.
pub(crate) fn lock(data: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(data.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What the disk holds.
struct Disk {
    key: NodeKey,
    log: LogStore,
    machine: Machine,
    told: Option<Vec<(u64, Member)>>,
    lock: File,
}

pub(crate) const REMOVED: &str = "removed";
pub(crate) const DIVERGED: &str = "diverged";
const ENTERING: &str = "entering";
/// Of a folder that this node makes. One that is there keeps what its operator gave it.
const OWNER_ONLY: u32 = 0o700;

/// Why the node of this folder has stopped, if it differed from the others.
pub(crate) fn diverged(data: &Path) -> io::Result<Option<String>> {
    match fs::read(data.join(DIVERGED)) {
        Ok(why) => Ok(Some(String::from_utf8_lossy(&why).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Options {
    fn check(&self) -> Result<(), OpenError> {
        let known = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        if self.max_entry_size == 0 || self.max_entry_size > (proto::MESSAGE_MAX / 2).min(known) {
            return Err(OpenError::Timing(format!("max_entry_size must be between 1 and {}", proto::MESSAGE_MAX / 2)));
        }
        Ok(())
    }

    /// Blocks.
    fn disk(&self, hooks: Hooks) -> Result<Disk, OpenError> {
        let io = |source| OpenError::Io { path: self.data.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(&self.data).map_err(io)?;
        let lock = lock(&self.data).map_err(io)?.ok_or_else(|| OpenError::InUse(self.data.clone()))?;
        if self.data.join(REMOVED).exists() {
            return Err(OpenError::Removed(self.data.clone()));
        }
        recovery::consume(&self.data)?;
        // Behind a recovery, which says that this state is to count.
        if let Some(why) = diverged(&self.data).map_err(io)? {
            return Err(OpenError::Diverged { folder: self.data.clone(), why });
        }
        let key = NodeKey::open(&self.data.join("node.key"))?;
        let level = Level::default();
        let options = LogOptions {
            faults: hooks.faults.clone(),
            formats: hooks.formats,
            level: level.clone(),
            ..LogOptions::new(self.data.join("raft"), key.id(), hooks.on_fatal.clone())
        };
        let log = LogStore::open(options)?;
        let durable = Some(log.durable());
        let Hooks { on_fatal, formats, stray, .. } = hooks;
        let data = self.data.clone();
        let machine = Machine::open(MachineOptions { data, durable, on_fatal, formats, level, stray })?;
        let told = join::told(&self.data.join(ENTERING)).map_err(io)?;
        Ok(Disk { key, log, machine, told, lock })
    }
}

impl Node {
    pub async fn open(options: Options, handler: Arc<dyn ForwardHandler>) -> Result<Arc<Self>, OpenError> {
        let hooks = Hooks::default();
        #[cfg(feature = "faults")]
        let hooks = Hooks { faults: crate::under_test::log_disk(), ..hooks };
        Self::open_with(options, handler, hooks).await
    }

    pub async fn open_with(
        options: Options,
        handler: Arc<dyn ForwardHandler>,
        hooks: Hooks,
    ) -> Result<Arc<Self>, OpenError> {
        options.check()?;
        let config = raft_config(&options.timing).map_err(|error| OpenError::Timing(error.to_string()))?;
        let listeners = bind(&options.listen).map_err(|(address, source)| OpenError::Listen { address, source })?;
        let (app, formats) = (Handle::current(), hooks.formats);
        let opening = tokio::task::spawn_blocking(move || options.disk(hooks).map(|disk| (options, disk)));
        let (options, disk) = opening.await.map_err(|error| OpenError::Consensus(error.to_string()))??;
        let io = |source| OpenError::Io { path: options.data.clone(), source };
        let threads = Threads::start().map_err(io)?;
        let handle = threads.handle();

        let Disk { key, log, machine, told, lock } = disk;
        let (id, key) = (key.id(), Arc::new(key));
        let stored = machine.reader().membership();
        if let Some(kept) = stored.membership().get_node(&id).filter(|kept| kept.name != options.name) {
            let (kept, configured) = (kept.name.clone(), options.name.clone());
            return Err(OpenError::AnotherNode { folder: options.data, kept, configured });
        }
        let member = Member {
            name: options.name.clone(),
            address: options.advertise.clone(),
            api_address: options.api_address.clone(),
            key: key.public(),
            non_voter: false,
        };
        let hold = (!log.is_empty()).then(|| options.timing.restart_hold());
        #[cfg(feature = "faults")]
        let hold = crate::under_test::held(hold);
        let local = Arc::new(Local::new(id, member, options.timing, formats, machine.reader(), hold));
        let (pins, reports) = (Arc::new(Pins::default()), Arc::new(Reports::default()));
        let peers = Arc::new(Peers::new(key.clone(), handle.clone()));
        let abroad = Arc::new(Peers::new(key.clone(), handle.clone()));
        let vouched = Arc::new(Vouched::default());
        if let Some(told) = told {
            vouched.enter(told);
        }

        let reader = machine.reader();
        // The leader's time goes out with its log messages, and is known only once the node is whole.
        let whole: Arc<Mutex<Option<Arc<Shared>>>> = Arc::default();
        let now = {
            let whole = whole.clone();
            // One whom no quorum answers does not know it: what followers have may be old.
            Arc::new(move || match whole.lock().clone() {
                Some(shared) if shared.leads() => shared.now(),
                _ => storage::Millis::default(),
            })
        };
        let snapshot_rate = options.snapshot_rate;
        let network =
            Network { peers: peers.clone(), local: local.clone(), reports: reports.clone(), snapshot_rate, now };
        let starting = {
            let log = log.clone();
            handle.spawn(async move { Raft::new(id, Arc::new(config), network, log, machine).await })
        };
        let consensus = |error: Fatal<TypeConfig>| OpenError::Consensus(error.to_string());
        let raft = starting.await.map_err(|error| OpenError::Consensus(error.to_string()))?.map_err(consensus)?;

        let shared = Arc::new(Shared {
            id,
            raft: raft.clone(),
            proposals: Proposals::start(raft.clone(), &handle),
            reader,
            local: local.clone(),
            pins: pins.clone(),
            peers,
            abroad,
            reports: reports.clone(),
            vouched,
            changing: tokio::sync::Mutex::default(),
            leaving: tokio::sync::Mutex::default(),
            leadership: watch::channel(Leadership { term: 0, role: Role::Unknown }).0,
            cleared: watch::channel(0).0,
            diverged: watch::channel(None).0,
            runtime: handle.clone(),
            majority: Default::default(),
            max_entry_size: options.max_entry_size,
            read_index_only: options.read_index_only,
        });
        *whole.lock() = Some(shared.clone());
        membership::refresh(&shared);

        let (gate, campaign) = (Arc::new(Gate::default()), Arc::new(Campaign::default()));
        let store = Arc::new(Store { shared: shared.clone(), gate: gate.clone() });
        let reads = Arc::new(Reads::new(shared.clone()));
        let unseals = Arc::new(Unseals { shared: shared.clone(), handler: handler.clone(), app: app.clone() });
        let forwards = Arc::new(Forwards::new(shared.clone(), reads.clone(), handler.clone(), app.clone()));
        let handover = Arc::new(Handover { shared: shared.clone(), gate });
        let autopilot = Arc::new(Autopilot::new(shared.clone()));
        let reconcile = Reconcile { shared: shared.clone(), autopilot: autopilot.clone() };
        let changes = Changes { shared: shared.clone(), handover: handover.clone(), campaign: campaign.clone() };
        let join = Join { shared: shared.clone(), store: store.clone(), entering: options.data.join(ENTERING) };

        let divergence = Arc::new(Divergence::new(shared.clone(), options.data.join(DIVERGED)));
        let loads = Arc::new(Loads::new(shared.clone(), store.gate.clone()));
        let dr = Dr::new(&shared, &store.gate, &loads, &reads, handler, app, options.feed_max);
        let (closing, closed) = watch::channel(false);
        let door = Door { local, pins: pins.clone(), raft: raft.clone() };
        let services = Services {
            shared: shared.clone(),
            reads: reads.clone(),
            forwards: forwards.clone(),
            unseals: unseals.clone(),
            divergence: divergence.clone(),
        };
        let listener = {
            let _inside = handle.enter();
            let peer = PeerService::new(door.clone(), Arc::new(services));
            let replica = ReplicaService::new(door.clone(), dr.serving.clone());
            let tls = server_config(&key, pins.clone())?;
            Listener::serve(listeners, tls, pins, ConsensusService::new(door), peer, replica, closed).map_err(io)?
        };

        let fresh = 10 * options.timing.election_max;
        let live = Arc::new(move |id| reports.of(id).is_some_and(|report| report.at.elapsed() < fresh));
        let keeping = retention::run(raft, log.clone(), retention::Limits::default(), RETENTION, live);
        let tasks = vec![
            handle.spawn(membership::follow(shared.clone())),
            handle.spawn(membership::greet(shared.clone())),
            handle.spawn(campaign::run(shared.clone(), campaign, handover, reconcile)),
            handle.spawn(autopilot.clone().run()),
            handle.spawn(keeping),
            handle.spawn(format::raise(shared.clone(), store.gate.clone())),
            handle.spawn(loads.clone().sweep()),
            handle.spawn(divergence.run()),
            handle.spawn(dr.fence.clone().run()),
            handle.spawn(dr.following.clone().run()),
            handle.spawn(dr.serving.clone().keep_short()),
            handle.spawn(note_removal(shared.clone(), options.data.join(REMOVED))),
        ];
        let closed = Parts { closing, listener, tasks, threads, lock, log, whole };
        Ok(Arc::new(Node::new(shared, store, reads, forwards, changes, autopilot, join, loads, unseals, dr, closed)))
    }
}

/// Remembers that this node was removed, so that it does not try again at every start.
async fn note_removal(shared: Arc<Shared>, file: PathBuf) {
    if shared.peers.removed().wait_for(|removed| *removed).await.is_err() {
        return;
    }
    tracing::error!("this node was removed from its cluster");
    if let Err(error) = crate::snapshot::replace_file(&file, b"") {
        tracing::error!(error = %error, "the removal cannot be written down");
    }
}

const RETENTION: std::time::Duration = std::time::Duration::from_secs(5);
