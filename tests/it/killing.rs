//! The leader is killed under load, again and again: nothing acknowledged is lost, nothing read is stale.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Answer, Client, Cluster, Transport};

const WRITERS: usize = 4;
const READERS: usize = 3;

/// Four rounds here; `HOLDFAST_KILLS=20` for the long run.
#[expect(clippy::disallowed_methods, reason = "the length of the run is the caller's to choose")]
fn rounds() -> usize {
    std::env::var("HOLDFAST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// What clients were told.
#[derive(Default)]
struct Ledger {
    /// The last acknowledged number of each writer.
    acknowledged: Mutex<BTreeMap<usize, u64>>,
    /// When writes that were acknowledged had begun.
    begun: Mutex<Vec<Instant>>,
    stale: Mutex<Vec<String>>,
    /// Answers that no failure explains.
    strange: Mutex<Vec<String>>,
    stop: AtomicBool,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed_under_load() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    cluster.root(0).post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    let clients: Vec<Client> = (0..3).map(|index| cluster.root(index)).collect();
    let ledger = Arc::new(Ledger::default());
    let mut load = JoinSet::new();
    for writer in 0..WRITERS {
        load.spawn(write(writer, clients.clone(), Arc::clone(&ledger)));
    }
    for reader in 0..READERS {
        load.spawn(read(reader, clients.clone(), Arc::clone(&ledger)));
    }
    let mut gaps = Vec::new();
    for _ in 0..rounds() {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let leader = cluster.leader().await;
        cluster.nodes[leader].kill();
        let killed = Instant::now();
        gaps.push(next_write(&ledger, killed).await);
        cluster.nodes[leader].start().await;
        cluster.unseal(leader).await;
        cluster.serves(leader).await;
    }
    ledger.stop.store(true, Ordering::Relaxed);
    load.join_all().await;

    assert_eq!(*ledger.stale.lock(), Vec::<String>::new(), "a read went behind an acknowledged write");
    assert_eq!(*ledger.strange.lock(), Vec::<String>::new(), "only 200 and 503 are answers while leaders die");
    let acknowledged = ledger.acknowledged.lock().clone();
    assert_eq!(acknowledged.len(), WRITERS, "every writer was served");
    for (index, client) in clients.iter().enumerate() {
        for (writer, last) in &acknowledged {
            let found = client.get(&format!("/v1/secret/data/w{writer}")).await.ok();
            let found = found["data"]["data"]["n"].as_u64().unwrap();
            assert!(found >= *last, "node {index} has {found} of writer {writer}, {last} was acknowledged");
        }
    }
    gaps.sort();
    println!(
        "until the next write: median {:?}, worst {:?}, of {}",
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1],
        gaps.len()
    );
}

/// How long until a write that began after the kill was acknowledged.
async fn next_write(ledger: &Ledger, killed: Instant) -> Duration {
    let end = killed + Duration::from_secs(20);
    loop {
        if ledger.begun.lock().iter().any(|begun| *begun > killed) {
            return killed.elapsed();
        }
        assert!(Instant::now() < end, "no write for 20 seconds after the leader was killed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn write(writer: usize, clients: Vec<Client>, ledger: Arc<Ledger>) {
    for n in 1_u64.. {
        if ledger.stop.load(Ordering::Relaxed) {
            return;
        }
        let client = &clients[(writer + n as usize) % clients.len()];
        let begun = Instant::now();
        let body = json!({ "data": { "n": n } });
        match client.try_send("POST", &format!("/v1/secret/data/w{writer}"), Some(&body)).await {
            Ok(answer) if answer.status == 200 => {
                ledger.acknowledged.lock().insert(writer, n);
                ledger.begun.lock().push(begun);
            }
            other => ledger.pass_over(other).await,
        }
    }
}

async fn read(reader: usize, clients: Vec<Client>, ledger: Arc<Ledger>) {
    for n in 0_usize.. {
        if ledger.stop.load(Ordering::Relaxed) {
            return;
        }
        let writer = n % WRITERS;
        let Some(at_least) = ledger.acknowledged.lock().get(&writer).copied() else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let client = &clients[(reader + n) % clients.len()];
        match client.try_send("GET", &format!("/v1/secret/data/w{writer}"), None).await {
            Ok(answer) if answer.status == 200 => {
                let found = answer.body["data"]["data"]["n"].as_u64().unwrap();
                if found < at_least {
                    ledger.stale.lock().push(format!("writer {writer}: {found} read, {at_least} acknowledged before"));
                }
            }
            other => ledger.pass_over(other).await,
        }
    }
}

impl Ledger {
    /// A dead process gives no answer, and one that is not ready says 503.
    async fn pass_over(&self, answer: Result<Answer, reqwest::Error>) {
        if let Ok(answer) = answer.as_ref()
            && answer.status != 503
        {
            self.strange.lock().push(format!("{answer:?}"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
