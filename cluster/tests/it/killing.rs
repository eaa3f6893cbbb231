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
        self.some_leader_of(|_| true).await
    }

    async fn some_leader_of(&self, wanted: impl Fn(usize) -> bool) -> usize {
        for _ in 0..2000 {
            if let Some(at) = self.leader().await.filter(|at| wanted(*at)) {
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

/// Waits until all three say the same of their state.
async fn settled(nodes: &Nodes) {
    let mut states = Vec::new();
    for _ in 0..1000 {
        states.clear();
        for at in 0..3 {
            states.push(nodes.at(at).ask("state").await.unwrap());
        }
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the nodes differ: {states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_in_the_middle_of_a_load_leaves_the_old_state_or_the_new_one_everywhere() {
    const CHUNKS: usize = 40;
    let nodes = Nodes::of_three().await;
    let mut current = "round-0".to_owned();
    let leader = nodes.some_leader().await;
    nodes.at(leader).ask(&format!("load {current} {CHUNKS}")).await.unwrap();
    let (mut old, mut new) = (0, 0);
    for round in 1..=8_u64 {
        let (leader, next) = (nodes.some_leader().await, format!("round-{round}"));
        let process = nodes.at(leader);
        let loading = {
            let (process, command) = (process.clone(), format!("load {next} {CHUNKS}"));
            tokio::spawn(async move { process.ask(&command).await })
        };
        // Anywhere from before the first chunk to behind the switch.
        sleep(Duration::from_millis(round * 12)).await;
        process.kill();
        process.died().await;
        let acknowledged = loading.await.unwrap().is_some_and(|said| !said.starts_with("error"));
        nodes.some_leader_of(|at| at != leader).await;
        nodes.restart(leader).await;
        nodes.some_leader().await;
        settled(&nodes).await;
        let found = nodes.at(leader).ask("local k0").await.unwrap();
        assert!(found == next || (found == current && !acknowledged), "{found} after {current} and {next}");
        for (at, name) in NAMES.iter().enumerate() {
            for n in 0..CHUNKS {
                assert_eq!(nodes.at(at).ask(&format!("local k{n}")).await.unwrap(), found, "k{n} on {name}");
            }
        }
        if found == next {
            new += 1
        } else {
            old += 1
        }
        current = found;
    }
    // One that nobody kills goes through.
    let leader = nodes.some_leader().await;
    let said = nodes.at(leader).ask(&format!("load last {CHUNKS}")).await.unwrap();
    assert!(!said.starts_with("error"), "{said}");
    settled(&nodes).await;
    assert_eq!(nodes.at((leader + 1) % 3).ask("local k0").await.unwrap(), "last");
    eprintln!("{old} loads left the old state, {new} were carried out");
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

    settled(&nodes).await;
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
