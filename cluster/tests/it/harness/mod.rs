//! A cluster in one process: each node has its folder, its port and its runtime.

pub mod nodes;
pub mod process;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::{AutopilotConfig, Formats, ForwardHandler, Hooks, Node, OpenError, Options, Role, Stray, Timing};
use storage::{Batch, Class, CommitError, Committed, Millis, RawKey, RequestId, SegKind, Term, Value};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// Nobody listens there right now, and no other node of these tests was given it. It is below those that the system gives
/// away by itself: it would, while a node is down.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let mut ports = (0..PORTS).map(|_| FIRST_PORT + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
}

const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 6_000;

/// Waits until the condition holds, and says what it waited for if it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = timeout(Duration::from_secs(20), async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

pub fn id() -> RequestId {
    RequestId { applied: 0, random: crypto::random() }
}

pub fn key(name: &str) -> RawKey {
    let mut key = RawKey::root(Class::Replicated);
    key.push(SegKind::Plain, name.as_bytes()).unwrap();
    key
}

pub fn put(name: &str, value: &str) -> Batch {
    let mut batch = Batch::new(id(), Millis(1));
    batch.puts.push((key(name), Bytes::copy_from_slice(value.as_bytes())));
    batch
}

pub fn read(node: &Node, name: &str) -> Option<String> {
    match node.store().snapshot().unwrap().get(&key(name)).unwrap()?.value {
        Value::Bytes(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Value::Counter(_) => panic!("{name} is a counter"),
    }
}

/// A learner votes as soon as it has caught up, and nobody is taken out.
pub const AT_ONCE: AutopilotConfig = AutopilotConfig {
    cleanup_dead_servers: false,
    last_contact_threshold: Duration::from_secs(10),
    dead_server_last_contact_threshold: Duration::from_secs(3600),
    max_trailing_logs: 1000,
    min_quorum: 3,
    server_stabilization_time: Duration::ZERO,
};

/// One node's place: it may be stopped and started again.
pub struct Seat {
    pub name: String,
    pub folder: TempDir,
    pub port: u16,
    pub timing: Timing,
    /// Of its version.
    pub formats: Formats,
    pub stray: Stray,
    pub node: Option<Arc<Node>>,
}

impl Seat {
    pub fn new(name: &str) -> Self {
        // With RUST_LOG set, what the nodes say can be read.
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init().ok();
        let folder = tempfile::tempdir().unwrap();
        Self {
            name: name.to_owned(),
            folder,
            port: free_port(),
            timing: Timing::default(),
            formats: Formats::default(),
            stray: Stray::default(),
            node: None,
        }
    }

    pub fn options(&self) -> Options {
        Options {
            data: self.folder.path().to_owned(),
            name: self.name.clone(),
            listen: vec![([127, 0, 0, 1], self.port).into()],
            advertise: format!("127.0.0.1:{}", self.port),
            api_address: format!("https://{}:8200", self.name),
            timing: self.timing,
            max_entry_size: 1 << 20,
            read_index_only: false,
            snapshot_rate: None,
            feed_max: 1 << 20,
        }
    }

    pub async fn start(&mut self) -> Arc<Node> {
        let by = soon();
        loop {
            let handler = Arc::new(Writer::default());
            let hooks = Hooks { formats: self.formats, stray: self.stray.clone(), ..Hooks::default() };
            match Node::open_with(self.options(), handler.clone(), hooks).await {
                Ok(node) => {
                    handler.node.set(Arc::downgrade(&node)).unwrap();
                    node.configure_autopilot(AT_ONCE);
                    self.node = Some(node.clone());
                    return node;
                }
                // What was here before lets go of its folder and port a moment after it was dropped.
                Err(error @ (OpenError::InUse(_) | OpenError::Store(_) | OpenError::Listen { .. })) => {
                    assert!(Instant::now() < by, "{error}");
                    sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn node(&self) -> &Arc<Node> {
        self.node.as_ref().unwrap()
    }

    /// As if the process had been killed.
    pub fn crash(&mut self) {
        self.node.take();
    }

    pub async fn stop(&mut self) {
        self.node.take().unwrap().shutdown(soon()).await;
    }
}

/// Writes what is forwarded, under the request's id, and keeps the answer with it.
#[derive(Default)]
pub struct Writer {
    node: OnceLock<Weak<Node>>,
}

#[async_trait]
impl ForwardHandler for Writer {
    async fn handle(&self, id: RequestId, _from: u64, payload: Bytes) -> Bytes {
        let node = self.node.get().unwrap().upgrade().unwrap();
        if payload.starts_with(b"stuck") {
            std::future::pending::<()>().await;
        }
        if payload.starts_with(b"slow") {
            sleep(Duration::from_millis(300)).await;
        }
        let term = node.leadership().borrow().term;
        let mut batch = Batch::new(id, Millis(1));
        batch.puts.push((key("forwarded"), payload.clone()));
        batch.outcome = Some(Bytes::from(payload.to_ascii_uppercase()));
        match node.store().commit(Term(term), batch).await {
            Ok(_) => Bytes::from(payload.to_ascii_uppercase()),
            Err(error) => Bytes::from(error.to_string()),
        }
    }

    async fn welcome(&self, secondary: &str, _from: u64, question: Bytes) -> Result<Bytes, String> {
        Ok([b"welcome ", secondary.as_bytes(), b": ", &question].concat().into())
    }
}

pub struct Cluster {
    pub seats: Vec<Seat>,
}

impl Cluster {
    /// So many unsealed voters, founded and joined.
    pub async fn of(size: usize) -> Self {
        let names = ["a", "b", "c", "d", "e"];
        let mut cluster = Self { seats: names[..size].iter().map(|name| Seat::new(name)).collect() };
        let first = cluster.seats[0].start().await;
        first.set_sealed(false);
        first.found(put("first", "1")).await.unwrap();
        for at in 1..size {
            let node = cluster.seats[at].start().await;
            node.set_sealed(false);
            cluster.join(at).await;
        }
        cluster
    }

    /// Lets the node at that seat in and waits until it votes.
    pub async fn join(&self, at: usize) {
        let leader = self.leader().await;
        let joiner = self.seats[at].node();
        let members = leader.admit(joiner.joining(), soon()).await.unwrap();
        joiner.enter(members, soon()).await.unwrap();
        let id = joiner.id();
        until("the joiner votes", || leader.members().iter().any(|m| m.id == id && m.voter)).await;
    }

    pub fn up(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.seats.iter().filter_map(|seat| seat.node.as_ref())
    }

    pub async fn leader(&self) -> Arc<Node> {
        let leads = || self.up().find(|node| node.leadership().borrow().is_ready()).cloned();
        until("somebody leads", || leads().is_some()).await;
        leads().unwrap()
    }

    pub fn seat_of(&self, node: &Node) -> usize {
        self.seats.iter().position(|seat| seat.node.as_ref().is_some_and(|n| n.id() == node.id())).unwrap()
    }

    /// A node that does not lead.
    pub async fn follower(&self) -> Arc<Node> {
        let leader = self.leader().await.id();
        let follower = self.up().find(|node| node.id() != leader).unwrap().clone();
        until("the follower knows its leader", || matches!(follower.leadership().borrow().role, Role::Follower { .. }))
            .await;
        follower
    }

    pub async fn leader_seat(&self) -> usize {
        self.seat_of(&*self.leader().await)
    }

    /// Writes through whoever leads, again when that is safe.
    pub async fn write(&self, name: &str, value: &str) -> Committed {
        self.commit(put(name, value)).await
    }

    pub async fn delete(&self, name: &str) -> Committed {
        let mut batch = Batch::new(id(), Millis(1));
        batch.deletes.push(key(name));
        self.commit(batch).await
    }

    async fn commit(&self, batch: Batch) -> Committed {
        let by = soon();
        loop {
            let leader = self.leader().await;
            let term = Term(leader.leadership().borrow().term);
            match leader.store().commit(term, batch.clone()).await {
                Ok(committed) => return committed,
                Err(error @ (CommitError::NotActive | CommitError::Unavailable(_))) => {
                    assert!(Instant::now() < by, "{error}");
                    sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until all running nodes are equal.
    pub async fn settle(&self) {
        let same = || {
            let mut states: Vec<_> = self.up().map(|node| (node.store().applied(), node.fingerprint())).collect();
            states.dedup();
            states.len() == 1
        };
        until("all nodes are equal", same).await;
    }
}
