//! A cluster of one in memory: the whole of core without a disk or a network.

mod link;

pub use link::Paired;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use storage::{
    Batch, CommitError, Committed, Epoch, MemoryStore, Millis, RawKey, RequestId, Revision, SealedSnapshot,
    SealedStore, StoreError, Stored, Term,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::autopilot::{AutopilotConfig, AutopilotState};
use crate::dr::{Link, NoLink};
use crate::lifecycle::Node;
use crate::replication::{
    Asker, ForwardError, Load, LoadError, Loaded, Member, MemberChange, MemberError, MemberStatus, Outcome, Position,
    Replication, Role, Unavailable, UnsealedBy,
};

/// Always the leader once it is founded.
pub struct Alone {
    store: Arc<MemoryStore>,
    late: Arc<Late>,
    role: watch::Sender<Role>,
    now: Mutex<Millis>,
    epoch: watch::Sender<Epoch>,
    removed: watch::Sender<bool>,
    diverged: watch::Sender<Option<Arc<str>>>,
    link: Arc<dyn Link>,
    key: [u8; 32],
    /// Up to where it was applied before it was founded.
    begun: u64,
    /// How often other members were asked for keys.
    asked: AtomicUsize,
    /// The one that may have some.
    other: Mutex<Weak<Node>>,
    /// Whether they keep silent.
    silent: watch::Sender<bool>,
}

impl Default for Alone {
    fn default() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self {
            late: Arc::new(Late {
                store: Arc::clone(&store),
                moving: AtomicBool::default(),
                silent: watch::Sender::default(),
                proposed: Mutex::default(),
            }),
            store,
            role: watch::Sender::new(Role::Unknown),
            now: Mutex::new(Millis(1_700_000_000_000)),
            epoch: watch::Sender::default(),
            removed: watch::Sender::default(),
            diverged: watch::Sender::default(),
            link: Arc::new(NoLink::default()),
            key: crypto::random(),
            begun: 0,
            asked: AtomicUsize::default(),
            other: Mutex::default(),
            silent: watch::Sender::default(),
        }
    }
}

impl Alone {
    /// One that can be another's primary or secondary.
    pub fn paired() -> (Arc<Self>, Arc<Paired>) {
        let link = Arc::new(Paired::default());
        // As clusters are founded: two of them are on two lines of history.
        let epoch = Epoch { number: 1, bits: u64::from_be_bytes(crypto::random()) };
        let alone = Self { link: Arc::clone(&link) as _, epoch: watch::Sender::new(epoch), ..Self::default() };
        alone.store.begin_line(Revision { epoch, n: 0 });
        let alone = Arc::new(Self { begun: alone.store.applied(), ..alone });
        link.belongs_to(&alone);
        (alone, link)
    }

    /// As after a restore: the same records, on a later line of history.
    pub fn turn(&self) {
        if let Ok(snapshot) = self.store.snapshot() {
            let Revision { epoch, n } = snapshot.revision();
            let epoch = Epoch { number: epoch.number + 1, bits: u64::from_be_bytes(crypto::random()) };
            self.store.begin_line(Revision { epoch, n });
            self.epoch.send_replace(epoch);
        }
    }

    /// As after another node has been told to take this one out.
    pub fn remove(&self) {
        self.removed.send_replace(true);
    }

    /// As after its state was found to differ.
    pub fn diverge(&self, why: &str) {
        self.diverged.send_replace(Some(why.into()));
    }

    /// As after an election that it won again.
    pub fn lead_again(&self, term: Term) {
        self.role.send_replace(Role::Active { term });
    }

    /// Has the other members keep silent, or answer that they have no keys.
    pub fn silence(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// As while leadership moves: what is proposed is committed by the next leader, and nobody can say so before. It ends, and then
    /// a read point shows it.
    pub fn moves(&self, moving: bool) {
        self.late.moving.store(moving, Ordering::SeqCst);
    }

    /// From now on there is another member, of the same state.
    pub fn has_another(&self, node: &Arc<Node>) {
        *self.other.lock() = Arc::downgrade(node);
    }

    /// Has what is committed wait for its answer.
    pub fn answers_late(&self, late: bool) {
        self.late.silent.send_replace(late);
    }

    /// How often they were asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets time pass.
    pub fn advance(&self, by: std::time::Duration) {
        let mut now = self.now.lock();
        *now = now.plus(by);
    }
}

/// The store, of which it is unknown for a while what becomes of a batch.
struct Late {
    store: Arc<MemoryStore>,
    moving: AtomicBool,
    /// Whether nothing is answered.
    silent: watch::Sender<bool>,
    proposed: Mutex<Vec<(Term, Batch)>>,
}

#[async_trait]
impl SealedStore for Late {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        self.store.snapshot()
    }
    async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError> {
        if !self.moving.load(Ordering::SeqCst) {
            let committed = self.store.commit(term, batch).await;
            let _ = self.silent.subscribe().wait_for(|silent| !silent).await;
            return committed;
        }
        let id = batch.id;
        self.proposed.lock().push((term, batch));
        Err(CommitError::Unknown(id))
    }
    fn applied(&self) -> u64 {
        self.store.applied()
    }
}

/// What is loaded, until it is switched to.
struct Loading {
    store: Arc<MemoryStore>,
    epoch: watch::Sender<Epoch>,
    records: Vec<(RawKey, Stored)>,
}

#[async_trait]
impl Load for Loading {
    async fn add(&mut self, records: Vec<(RawKey, Stored)>) -> Result<(), LoadError> {
        self.records.extend(records);
        Ok(())
    }
    async fn switch(self: Box<Self>, loaded: Loaded) -> Result<Revision, LoadError> {
        let mut on_top = Batch::new(RequestId { applied: 0, random: [0; 16] }, Millis(0));
        (on_top.puts, on_top.prefix_deletes) = (loaded.puts, loaded.prefix_deletes);
        let revision = self.store.replace(self.records, loaded.revision.n, on_top);
        self.epoch.send_replace(revision.epoch);
        Ok(revision)
    }
}

#[async_trait]
impl Replication for Alone {
    fn initialised(&self) -> bool {
        self.store.applied() > self.begun
    }
    fn store(&self) -> Arc<dyn SealedStore> {
        Arc::clone(&self.late) as _
    }
    fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }
    fn position(&self) -> Position {
        Position { committed: self.store.applied(), applied: self.store.applied() }
    }
    fn members(&self) -> Vec<MemberStatus> {
        vec![MemberStatus { member: self.joining(), voter: true, leader: true, last_contact: None, sealed: None }]
    }
    fn other_cluster(&self) -> Arc<dyn Link> {
        Arc::clone(&self.link)
    }
    fn now(&self) -> Millis {
        *self.now.lock()
    }
    fn set_sealed(&self, _sealed: bool) {}
    async fn read_point(&self, _deadline: Instant) -> Result<Millis, Unavailable> {
        if self.late.moving.load(Ordering::SeqCst) {
            return Err(Unavailable("leadership is moving".into()));
        }
        let proposed = std::mem::take(&mut *self.late.proposed.lock());
        for (term, batch) in proposed {
            let _ = self.store.commit(term, batch).await;
        }
        Ok(self.now())
    }
    async fn found(&self, first: Batch) -> Result<(), Unavailable> {
        self.store.commit(Term(1), first).await.map_err(|e| Unavailable(e.to_string()))?;
        self.role.send_replace(Role::Active { term: Term(1) });
        Ok(())
    }
    async fn load(&self) -> Result<Box<dyn Load>, LoadError> {
        Ok(Box::new(Loading { store: Arc::clone(&self.store), epoch: self.epoch.clone(), records: Vec::new() }))
    }
    async fn found_by_load(&self) -> Result<Box<dyn Load>, LoadError> {
        self.role.send_replace(Role::Active { term: Term(1) });
        self.load().await
    }
    fn epoch(&self) -> watch::Receiver<Epoch> {
        self.epoch.subscribe()
    }
    fn scratch(&self) -> std::io::Result<std::fs::File> {
        tempfile::tempfile()
    }
    fn room(&self) -> std::io::Result<u64> {
        Ok(u64::MAX)
    }
    fn joining(&self) -> Member {
        Member {
            id: 1,
            name: "alone".into(),
            address: "127.0.0.1:0".into(),
            api_address: "http://127.0.0.1:0".into(),
            key: self.key,
            non_voter: false,
        }
    }
    async fn admit(&self, _joiner: Member, _deadline: Instant) -> Result<Vec<Member>, Unavailable> {
        Err(Unavailable("a cluster in memory has one node".into()))
    }
    async fn enter(&self, _members: Vec<Member>) -> Result<(), Unavailable> {
        Err(Unavailable("a cluster in memory has one node".into()))
    }
    async fn change_member(&self, _id: u64, _change: MemberChange, _deadline: Instant) -> Result<(), MemberError> {
        Err(MemberError::Refused("a cluster in memory has one node".into()))
    }
    fn removed(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }
    fn diverged(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.diverged.subscribe()
    }
    fn autopilot(&self) -> Option<AutopilotState> {
        None
    }
    fn configure_autopilot(&self, _config: &AutopilotConfig) {}
    async fn forward(&self, _id: RequestId, _payload: Bytes, _deadline: Instant) -> Result<Bytes, ForwardError> {
        Err(ForwardError::NotSent("a cluster in memory has one node".into()))
    }
    async fn outcome(&self, _id: RequestId, _asker: Asker, _deadline: Instant) -> Result<Outcome, Unavailable> {
        Ok(Outcome::Unknown)
    }
    async fn ask_to_unseal(&self, question: Bytes) -> Result<UnsealedBy, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _ = self.silent.subscribe().wait_for(|silent| !silent).await;
        let other = self.other.lock().upgrade();
        let other = other.ok_or_else(|| Unavailable("there is no other member".into()))?;
        let Member { id, name, .. } = self.joining();
        let answer = other.lend(id, &question).await.map_err(Unavailable)?;
        Ok(UnsealedBy { id, name, answer: answer.into() })
    }
    async fn step_down(&self, _deadline: Instant) -> Result<(), Unavailable> {
        Ok(())
    }
}
