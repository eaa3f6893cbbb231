//! Nodes as processes of one cluster, and writers that remember what they were told.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;
use tokio::time::sleep;

use super::free_port;
use super::process::{Process, Version};

pub struct Nodes {
    seats: RwLock<Vec<Seat>>,
}

struct Seat {
    folder: TempDir,
    port: u16,
    running: Arc<Process>,
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

impl Nodes {
    pub async fn of_three() -> Arc<Self> {
        let nodes = Arc::new(Self { seats: RwLock::default() });
        for _ in 0..3 {
            nodes.add(Version::This).await;
        }
        assert_eq!(nodes.at(0).ask("found").await.unwrap(), "ok");
        for joiner in 1..3 {
            assert_eq!(nodes.enter(joiner, 0).await, "ok");
        }
        nodes.voters(0, 3).await;
        nodes
    }

    /// One more process, which belongs to nobody yet.
    pub async fn add(&self, version: Version) -> usize {
        let (folder, port, at) = (tempfile::tempdir().unwrap(), free_port(), self.len());
        let running = Process::start(folder.path().to_owned(), NAMES[at], port, version).await;
        self.seats.write().push(Seat { folder, port, running });
        at
    }

    /// Whether it comes in, as the joiner says.
    pub async fn enter(&self, joiner: usize, leader: usize) -> String {
        let joining = self.at(joiner).ask("joining").await.unwrap();
        let members = self.at(leader).ask(&format!("admit {joining}")).await.unwrap();
        self.at(joiner).ask(&format!("enter {members}")).await.unwrap()
    }

    pub async fn voters(&self, leader: usize, count: usize) {
        self.all_say(&[leader], "voters", &count.to_string()).await;
    }

    /// Waits until they all answer so.
    pub async fn all_say(&self, nodes: &[usize], question: &str, wanted: &str) {
        for at in nodes {
            let mut said = None;
            for _ in 0..2000 {
                said = self.at(*at).ask(question).await;
                if said.as_deref() == Some(wanted) {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(said.as_deref(), Some(wanted), "{question} at node {at}");
        }
    }

    pub fn len(&self) -> usize {
        self.seats.read().len()
    }

    pub fn at(&self, at: usize) -> Arc<Process> {
        self.seats.read()[at].running.clone()
    }

    pub fn folder(&self, at: usize) -> PathBuf {
        self.seats.read()[at].folder.path().to_owned()
    }

    pub async fn kill(&self, at: usize) {
        let process = self.at(at);
        process.kill();
        process.died().await;
    }

    pub async fn restart(&self, at: usize) {
        self.restart_as(at, Version::This).await;
    }

    pub async fn restart_as(&self, at: usize, version: Version) {
        let port = self.seats.read()[at].port;
        let process = Process::start(self.folder(at), NAMES[at], port, version).await;
        self.seats.write()[at].running = process;
    }

    /// What a process of this version says that does not start at the node's place.
    #[cfg(feature = "faults")]
    pub async fn refused(&self, at: usize) -> String {
        let port = self.seats.read()[at].port;
        Process::refused(self.folder(at), NAMES[at], port).await
    }

    async fn leader(&self) -> Option<usize> {
        for at in 0..self.len() {
            if self.at(at).ask("leads").await.as_deref() == Some("true") {
                return Some(at);
            }
        }
        None
    }

    pub async fn some_leader(&self) -> usize {
        self.some_leader_of(|_| true).await
    }

    pub async fn some_leader_of(&self, wanted: impl Fn(usize) -> bool) -> usize {
        for _ in 0..2000 {
            if let Some(at) = self.leader().await.filter(|at| wanted(*at)) {
                return at;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody leads");
    }

    /// Waits until all of them say the same of their state.
    pub async fn settled(&self) {
        let mut states = Vec::new();
        for _ in 0..1000 {
            states.clear();
            for at in 0..self.len() {
                states.push(self.at(at).ask("state").await.unwrap());
            }
            if states.windows(2).all(|pair| pair[0] == pair[1]) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("the nodes differ: {states:?}");
    }
}

/// What the writers know: acknowledged writes, and how many there were.
#[derive(Default)]
pub struct Ledger {
    pub acknowledged: Mutex<HashMap<String, String>>,
    pub unknown: AtomicU64,
    pub read_back: AtomicU64,
    pub stop: AtomicBool,
}

impl Ledger {
    /// Waits for so many writes more.
    pub async fn more(&self, count: usize) {
        let enough = self.acknowledged.lock().len() + count;
        for _ in 0..2000 {
            if self.acknowledged.lock().len() > enough {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("writes do not go on");
    }

    /// Nothing of it is lost on any of the nodes.
    pub async fn is_on(&self, nodes: &Nodes) {
        let acknowledged = self.acknowledged.lock().clone();
        for (key, value) in &acknowledged {
            for at in 0..nodes.len() {
                let found = nodes.at(at).ask(&format!("local {key}")).await.unwrap();
                assert_eq!(found, *value, "{key} is lost on node {at}");
            }
        }
    }
}

pub async fn write_on(nodes: Arc<Nodes>, ledger: Arc<Ledger>, worker: usize) {
    let mut leader = 0;
    for n in 0.. {
        if ledger.stop.load(Ordering::Relaxed) {
            return;
        }
        let (key, value) = (format!("w{worker}-{n}"), format!("v{n}"));
        match nodes.at(leader).ask(&format!("write {key} {value}")).await.as_deref() {
            Some(said) if said.starts_with("ok") => {
                ledger.acknowledged.lock().insert(key.clone(), value.clone());
                if n % 4 == 0 {
                    // Any node must show it now.
                    let read = nodes.at((leader + n) % nodes.len()).ask(&format!("read {key}")).await;
                    if let Some(read) = read.as_deref().and_then(|said| said.strip_prefix("value ")) {
                        assert_eq!(read, value, "a stale read of {key}");
                        ledger.read_back.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Some("no") => {
                leader = (leader + 1) % nodes.len();
                sleep(Duration::from_millis(5)).await;
            }
            _ => {
                ledger.unknown.fetch_add(1, Ordering::Relaxed);
                leader = (leader + 1) % nodes.len();
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
