//! Servers of this version are replaced under load, one by one, by those of a version that writes what this one cannot read.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Client, Cluster, Node, Transport, until};

const WRITERS: usize = 4;
const GOES_OVER: &str = "the cluster goes over to it";

/// Makes the node one of the next version, from its next start on.
fn be_next(node: &mut Node) {
    let settings = node.folder.join("settings.json");
    let said = json!({ "socket": node.folder.join("commands"), "next_format": true });
    fs::write(&settings, said.to_string()).unwrap();
    let program = env!("CARGO_BIN_EXE_holdfast-under-test").to_owned();
    node.program = vec![program, settings.to_str().unwrap().to_owned()];
}

/// What clients know, and to whom they go.
#[derive(Default)]
struct Load {
    /// The nodes that a load balancer would send requests to.
    open: Mutex<Vec<usize>>,
    /// The one that is being stopped, which may refuse a connection.
    stopping: Mutex<Option<usize>>,
    /// The last acknowledged number of each writer.
    acknowledged: Mutex<BTreeMap<usize, u64>>,
    served: AtomicU64,
    refused: AtomicU64,
    failed: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Load {
    /// Writes numbers through one node after the other, and reads each from another.
    async fn run(self: Arc<Self>, clients: Vec<Client>, writer: usize) {
        let path = format!("/v1/kv/w{writer}");
        for n in 1_u64.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let turn = writer + n as usize;
            if self.ask(&clients, turn, "POST", &path, n).await.is_none() {
                continue;
            }
            self.acknowledged.lock().insert(writer, n);
            if let Some(found) = self.ask(&clients, turn + 1, "GET", &path, n).await
                && found != n
            {
                self.failed.lock().push(format!("{path} has {found} after {n}"));
            }
        }
    }

    async fn ask(&self, clients: &[Client], turn: usize, method: &str, path: &str, n: u64) -> Option<u64> {
        let at = {
            let open = self.open.lock();
            open[turn % open.len()]
        };
        let body = (method == "POST").then(|| json!({ "n": n }));
        match clients[at].try_send(method, path, body.as_ref()).await {
            Ok(answer) if answer.status == 204 => {
                self.served.fetch_add(1, Ordering::Relaxed);
                Some(n)
            }
            Ok(answer) if answer.status == 200 => {
                self.served.fetch_add(1, Ordering::Relaxed);
                answer.body["data"]["n"].as_u64()
            }
            Err(error) if error.is_connect() && *self.stopping.lock() == Some(at) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                None
            }
            other => {
                self.failed.lock().push(format!("{method} {path} at node {at}: {other:?}"));
                None
            }
        }
    }

    async fn more(&self, count: u64) {
        let enough = self.served.load(Ordering::Relaxed) + count;
        until("requests should go on", async || (self.served.load(Ordering::Relaxed) > enough).then_some(())).await;
    }

    fn nothing_failed(&self) {
        assert_eq!(*self.failed.lock(), Vec::<String>::new());
    }

    /// Every node has the last number of each writer.
    async fn is_on(&self, clients: &[Client]) {
        let acknowledged = self.acknowledged.lock().clone();
        assert_eq!(acknowledged.len(), WRITERS);
        for (at, client) in clients.iter().enumerate() {
            for (writer, last) in &acknowledged {
                let found = client.get(&format!("/v1/kv/w{writer}")).await.ok()["data"]["n"].as_u64();
                assert_eq!(found, Some(*last), "writer {writer} at node {at}");
            }
        }
    }
}

fn gone_over(cluster: &Cluster) -> bool {
    cluster.nodes.iter().any(|node| node.log().contains(GOES_OVER))
}

async fn back(cluster: &mut Cluster, index: usize) {
    cluster.nodes[index].start().await;
    cluster.unseal(index).await;
    cluster.serves(index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_servers_are_replaced_by_those_of_the_next_format() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    cluster.root(0).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    let clients: Vec<Client> = (0..3).map(|index| cluster.root(index)).collect();
    let load = Arc::new(Load { open: Mutex::new(vec![0, 1, 2]), ..Load::default() });
    let mut running = JoinSet::new();
    for writer in 0..WRITERS {
        running.spawn(Arc::clone(&load).run(clients.clone(), writer));
    }
    load.more(100).await;

    // Standbys before the active node, as the runbook has it.
    let mut order = cluster.standbys().await;
    order.push(cluster.leader().await);
    for index in order {
        assert!(!gone_over(&cluster), "one node still is of the version before");
        *load.stopping.lock() = Some(index);
        assert!(cluster.nodes[index].stop().await.success());
        load.open.lock().retain(|open| *open != index);
        load.more(100).await;
        be_next(&mut cluster.nodes[index]);
        back(&mut cluster, index).await;
        *load.stopping.lock() = None;
        load.open.lock().push(index);
        load.more(100).await;
        load.nothing_failed();
    }
    until("the cluster should go over", async || gone_over(&cluster).then_some(())).await;
    load.more(300).await;
    load.stop.store(true, Ordering::Relaxed);
    running.join_all().await;
    load.nothing_failed();
    load.is_on(&clients).await;

    // All of it comes back from disk, in both formats.
    for index in 0..3 {
        cluster.nodes[index].kill();
    }
    for index in 0..3 {
        cluster.nodes[index].launch();
    }
    for index in 0..3 {
        cluster.unseal(index).await;
        cluster.serves(index).await;
    }
    load.is_on(&clients).await;

    // There is no way back, and trying it changes nothing.
    let next = cluster.nodes[0].program.clone();
    assert!(cluster.nodes[0].stop().await.success());
    cluster.nodes[0].program = vec![env!("CARGO_BIN_EXE_holdfast").to_owned()];
    cluster.nodes[0].launch();
    assert!(!cluster.nodes[0].ended().await.success());
    let said = "the cluster is at format 2, and this version reads up to 1";
    assert!(cluster.nodes[0].log().contains(said), "{}", cluster.nodes[0].log());
    cluster.nodes[0].program = next;
    back(&mut cluster, 0).await;
    load.is_on(&clients).await;
    println!(
        "{} requests served, {} connections refused",
        load.served.load(Ordering::Relaxed),
        load.refused.load(Ordering::Relaxed)
    );
}
