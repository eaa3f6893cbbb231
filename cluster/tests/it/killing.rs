//! Real processes, killed at any moment under load: nothing that was acknowledged is lost, and all nodes end up equal.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::free_port;
use crate::harness::process::Process;

struct Nodes {
    folders: Vec<TempDir>,
    ports: Vec<u16>,
    running: RwLock<Vec<Arc<Process>>>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Nodes {
    async fn of_three() -> Arc<Self> {
        let folders: Vec<_> = NAMES.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let ports: Vec<_> = NAMES.iter().map(|_| free_port()).collect();
        let mut running = Vec::new();
        for at in 0..3 {
            running.push(Process::start(folders[at].path().to_owned(), NAMES[at], ports[at]).await);
        }
        let first = running[0].clone();
        assert_eq!(first.ask("found").await.unwrap(), "ok");
        for joiner in &running[1..] {
            let joining = joiner.ask("joining").await.unwrap();
            let members = first.ask(&format!("admit {joining}")).await.unwrap();
            assert_eq!(joiner.ask(&format!("enter {members}")).await.unwrap(), "ok");
        }
        while first.ask("voters").await.unwrap() != "3" {
            sleep(Duration::from_millis(10)).await;
        }
        Arc::new(Self { folders, ports, running: RwLock::new(running) })
    }

    fn at(&self, at: usize) -> Arc<Process> {
        self.running.read()[at].clone()
    }

    async fn restart(&self, at: usize) {
        let process = Process::start(self.folders[at].path().to_owned(), NAMES[at], self.ports[at]).await;
        self.running.write()[at] = process;
    }

    async fn leader(&self) -> Option<usize> {
        for at in 0..3 {
            if self.at(at).ask("leads").await.as_deref() == Some("true") {
                return Some(at);
            }
        }
        None
    }

    async fn some_leader(&self) -> usize {
        for _ in 0..2000 {
            if let Some(at) = self.leader().await {
                return at;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody leads");
    }
}

/// What the writers know: acknowledged writes, and how many there were.
#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<HashMap<String, String>>,
    unknown: AtomicU64,
    read_back: AtomicU64,
    stop: AtomicBool,
}

async fn write_on(nodes: Arc<Nodes>, ledger: Arc<Ledger>, worker: usize) {
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
                    let read = nodes.at((leader + n) % 3).ask(&format!("read {key}")).await;
                    if let Some(read) = read.as_deref().and_then(|said| said.strip_prefix("value ")) {
                        assert_eq!(read, value, "a stale read of {key}");
                        ledger.read_back.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Some("no") => {
                leader = (leader + 1) % 3;
                sleep(Duration::from_millis(5)).await;
            }
            _ => {
                ledger.unknown.fetch_add(1, Ordering::Relaxed);
                leader = (leader + 1) % 3;
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_nodes_lose_nothing_that_was_acknowledged() {
    let nodes = Nodes::of_three().await;
    let ledger = Arc::new(Ledger::default());
    let writers: Vec<_> = (0..8).map(|w| tokio::spawn(write_on(nodes.clone(), ledger.clone(), w))).collect();
    let count = || ledger.acknowledged.lock().len();
    let more = |than: usize| {
        let ledger = ledger.clone();
        async move {
            for _ in 0..2000 {
                if ledger.acknowledged.lock().len() > than {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("writes do not go on");
        }
    };

    for round in 0..5 {
        more(count() + 200).await;
        let leader = nodes.some_leader().await;
        nodes.at(leader).kill();
        nodes.at(leader).died().await;
        if round % 2 == 1 {
            // The others elect meanwhile; in the other rounds it is back before they do.
            more(count() + 50).await;
        }
        nodes.restart(leader).await;
    }
    more(count() + 200).await;

    // The power goes out for all.
    (0..3).for_each(|at| nodes.at(at).kill());
    for at in 0..3 {
        nodes.at(at).died().await;
    }
    for at in 0..3 {
        nodes.restart(at).await;
    }
    more(count() + 200).await;
    ledger.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    let mut states = Vec::new();
    for _ in 0..1000 {
        states.clear();
        for at in 0..3 {
            states.push(nodes.at(at).ask("state").await.unwrap());
        }
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "the nodes differ: {states:?}");
    let acknowledged = ledger.acknowledged.lock().clone();
    for (key, value) in &acknowledged {
        for (at, name) in NAMES.iter().enumerate() {
            let found = nodes.at(at).ask(&format!("local {key}")).await.unwrap();
            assert_eq!(found, *value, "{key} is lost on {name}");
        }
    }
    eprintln!(
        "{} writes acknowledged, {} unclear, {} read back at once on some node",
        acknowledged.len(),
        ledger.unknown.load(Ordering::Relaxed),
        ledger.read_back.load(Ordering::Relaxed),
    );
    assert!(ledger.read_back.load(Ordering::Relaxed) > 0);
}
