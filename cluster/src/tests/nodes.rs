//! A cluster for tests: links that can be cut, disks that can stall, nodes that can lose power and come back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, ClientWriteResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::rt::WatchReceiver;
use openraft::{Config, RaftNetworkFactory, RaftNetworkV2};
use parking_lot::Mutex;
use storage::{Batch, Class, Millis, RawKey, RequestId, Value};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::consensus::{Applied, Command, Member, NodeId, Raft, Snapshot, Timing, TypeConfig, Vote, raft_config};
use crate::log::{Faults, LogOptions, LogStore, OnFatal, OpenError};
use crate::machine::{Machine, MachineOptions, Position, StateReader};
use crate::snapshot::Checkpoint;

pub struct Node {
    pub raft: Raft,
    pub log: LogStore,
    pub reader: StateReader,
    pub faults: Faults,
}

pub struct Nodes {
    pub net: Net,
    pub timing: Timing,
    /// What a test changes in the settings.
    pub adjust: fn(&mut Config),
    /// Whether a node with a past refuses to vote for a while after its start.
    pub hold: bool,
    folders: BTreeMap<NodeId, TempDir>,
    nodes: BTreeMap<NodeId, Node>,
}

impl Nodes {
    pub fn new(timing: Timing, adjust: fn(&mut Config)) -> Self {
        let (net, folders, nodes) = (Net::default(), BTreeMap::new(), BTreeMap::new());
        Self { net, timing, adjust, hold: true, folders, nodes }
    }

    /// Nodes 1 to 3, all voters, led by node 1.
    pub async fn three(timing: Timing, adjust: fn(&mut Config)) -> Self {
        let mut nodes = Self::new(timing, adjust);
        for id in 1..=3 {
            nodes.start(id).await;
        }
        nodes.found(1, 1..=3).await;
        nodes
    }

    pub async fn found(&self, leader: NodeId, voters: impl IntoIterator<Item = NodeId>) {
        let members: BTreeMap<_, _> = voters.into_iter().map(|id| (id, member(id))).collect();
        self.node(leader).raft.initialize(members).await.unwrap();
        self.lead(leader).await;
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[&id]
    }

    pub async fn start(&mut self, id: NodeId) {
        let data = self.folders.entry(id).or_insert_with(|| tempfile::tempdir().unwrap()).path().to_owned();
        // Whatever a test makes fail is expected to; the node then just stops.
        let on_fatal: OnFatal = Arc::new(|_| {});
        let faults = Faults::default();
        let mut options = LogOptions::new(data.join("raft"), id, Arc::clone(&on_fatal));
        options.faults = faults.clone();
        let log = open_when_free(|| LogStore::open(options.clone())).await;
        let durable = Some(log.durable());
        let options = MachineOptions {
            data,
            durable,
            on_fatal,
            formats: Default::default(),
            level: Default::default(),
            stray: Default::default(),
        };
        let machine = open_when_free(|| Machine::open(options.clone())).await;
        let reader = machine.reader();
        let mut config = raft_config(&self.timing).unwrap();
        (self.adjust)(&mut config);
        if self.hold && !log.is_empty() {
            self.net.inner.lock().holds.insert(id, Instant::now() + self.timing.restart_hold());
        }
        let link = Links { from: id, net: self.net.clone() };
        let raft = Raft::new(id, Arc::new(config), link, log.clone(), machine).await.unwrap();
        self.net.inner.lock().nodes.insert(id, raft.clone());
        self.nodes.insert(id, Node { raft, log, reader, faults });
    }

    /// Stops a node; what its log has not synced is lost if power is.
    pub async fn stop(&mut self, id: NodeId, power: bool) {
        let node = self.nodes.remove(&id).unwrap();
        self.net.inner.lock().nodes.remove(&id);
        if !power {
            node.faults.lose_power();
        }
        node.raft.shutdown().await.ok();
    }

    /// Campaigns with `id` until it leads.
    pub async fn lead(&self, id: NodeId) {
        until("it leads", || async {
            let raft = &self.node(id).raft;
            if raft.is_leader() {
                return true;
            }
            raft.trigger().elect(false).await.unwrap();
            sleep(Duration::from_millis(100)).await;
            false
        })
        .await;
    }

    pub async fn put(
        &self,
        id: NodeId,
        n: u8,
        name: &'static str,
        value: &'static [u8],
    ) -> Option<ClientWriteResponse<TypeConfig>> {
        write(&self.node(id).raft, n, name, value).await
    }

    pub fn get(&self, id: NodeId, name: &'static str) -> Option<Vec<u8>> {
        let snapshot = self.node(id).reader.snapshot().unwrap();
        snapshot.get(&key(name)).unwrap().map(|stored| match stored.value {
            Value::Bytes(bytes) => bytes.to_vec(),
            Value::Counter(n) => n.to_be_bytes().to_vec(),
        })
    }

    pub fn position(&self, id: NodeId) -> Position {
        self.node(id).reader.position().borrow().clone()
    }

    /// Waits until a node has applied up to `index`.
    pub async fn applied(&self, id: NodeId, index: u64) {
        until("it has applied", || async { self.node(id).reader.applied() >= index }).await;
    }

    pub fn snapshot_index(&self, id: NodeId) -> Option<u64> {
        self.node(id).raft.metrics().borrow_watched().snapshot.map(|id| id.index)
    }
}

pub async fn write(
    raft: &Raft,
    n: u8,
    name: &'static str,
    value: &'static [u8],
) -> Option<ClientWriteResponse<TypeConfig>> {
    let answer = raft.client_write(Command::batch(batch(n, name, value))).await.ok()?;
    assert!(matches!(answer.data, Applied::Committed(_)), "{:?}", answer.data);
    Some(answer)
}

pub fn batch(n: u8, name: &'static str, value: &'static [u8]) -> Batch {
    let mut batch = Batch::new(RequestId { applied: 0, random: [n; 16] }, Millis(u64::from(n)));
    batch.puts.push((key(name), value.into()));
    batch
}

pub fn key(name: &'static str) -> RawKey {
    RawKey::root(Class::Replicated).plain(name)
}

pub fn member(id: NodeId) -> Member {
    Member { name: format!("node-{id}"), ..Member::default() }
}

/// Polls for what must come, and says what did not.
pub async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !check().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A node that has just stopped may hold its folder a little longer.
async fn open_when_free<T>(open: impl Fn() -> Result<T, OpenError>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match open() {
            Err(OpenError::InUse) if Instant::now() < deadline => sleep(Duration::from_millis(10)).await,
            opened => return opened.unwrap(),
        }
    }
}

/// Who reaches whom.
#[derive(Clone, Default)]
pub struct Net {
    inner: Arc<Mutex<NetState>>,
}

#[derive(Default)]
struct NetState {
    nodes: HashMap<NodeId, Raft>,
    cut: HashSet<(NodeId, NodeId)>,
    holds: HashMap<NodeId, Instant>,
}

impl Net {
    pub fn isolate(&self, id: NodeId) {
        let mut state = self.inner.lock();
        for other in 1..=5 {
            state.cut.insert((id, other));
            state.cut.insert((other, id));
        }
    }

    pub fn heal(&self) {
        self.inner.lock().cut.clear();
    }

    fn reach(&self, from: NodeId, to: NodeId) -> Result<Raft, Unreachable<TypeConfig>> {
        let state = self.inner.lock();
        let node = state.nodes.get(&to).filter(|_| !state.cut.contains(&(from, to)));
        node.cloned().ok_or_else(|| Unreachable::new(&io::Error::other("the link is cut")))
    }

    fn reach_for_vote(&self, from: NodeId, to: NodeId) -> Result<Raft, Unreachable<TypeConfig>> {
        let held = self.inner.lock().holds.get(&to).is_some_and(|until| Instant::now() < *until);
        if held {
            return Err(Unreachable::new(&io::Error::other("it has only just started")));
        }
        self.reach(from, to)
    }
}

struct Links {
    from: NodeId,
    net: Net,
}

impl RaftNetworkFactory<TypeConfig> for Links {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, _: &Member) -> Link {
        Link { from: self.from, to: target, net: self.net.clone() }
    }
}

pub struct Link {
    from: NodeId,
    to: NodeId,
    net: Net,
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = Checkpoint;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let node = self.net.reach(self.from, self.to)?;
        let answer = node.append_entries(rpc).await.map_err(|error| Unreachable::new(&error))?;
        self.net.reach(self.to, self.from)?;
        Ok(answer)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let node = self.net.reach_for_vote(self.from, self.to)?;
        Ok(node.vote(rpc).await.map_err(|error| Unreachable::new(&error))?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let node = self.net.reach_for_vote(self.from, self.to)?;
        Ok(node.pre_vote(rpc).await.map_err(|error| Unreachable::new(&error))?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let node = self.net.reach(self.from, self.to)?;
        Ok(node.install_full_snapshot(vote, snapshot).await.map_err(|error| Unreachable::new(&error))?)
    }
}

/// The voters of a new membership.
pub fn ids(ids: impl IntoIterator<Item = NodeId>) -> BTreeSet<NodeId> {
    ids.into_iter().collect()
}
