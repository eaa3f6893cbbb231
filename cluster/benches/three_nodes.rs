//! The consensus loop by itself: three nodes in this process, over TLS on loopback, write a KiB at a time into their logs and
//! states, for so many writers at once. No HTTP, no policy, no barrier, no audit. Prints what a write costs all three in CPU.
//!
//! `cargo bench -p cluster --bench three_nodes`

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::{AutopilotConfig, ForwardHandler, Node, Options, Timing};
use storage::{Batch, Class, Millis, RawKey, RequestId, SegKind, Term};
use tokio::time::{Instant, sleep};

const WRITERS: [u64; 3] = [1, 32, 128];
const ROUND: Duration = Duration::from_secs(5);
const KEYS: u64 = 1000;

struct NoForwarding;

#[async_trait]
impl ForwardHandler for NoForwarding {
    async fn handle(&self, _id: RequestId, _from: u64, _payload: Bytes) -> Bytes {
        Bytes::new()
    }
}

async fn start(name: &str, folder: &Path) -> Arc<Node> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
    let options = Options {
        data: folder.join(name),
        name: name.to_owned(),
        listen: vec![([127, 0, 0, 1], port).into()],
        advertise: format!("127.0.0.1:{port}"),
        api_address: format!("https://{name}"),
        timing: Timing::default(),
        max_entry_size: 1 << 20,
        read_index_only: false,
        snapshot_rate: None,
        feed_max: 1 << 30,
    };
    let node = Node::open(options, Arc::new(NoForwarding)).await.expect("the node starts");
    node.configure_autopilot(AutopilotConfig {
        server_stabilization_time: Duration::ZERO,
        ..AutopilotConfig::default()
    });
    node.set_sealed(false);
    node
}

fn batch(number: u64) -> Batch {
    let mut batch = Batch::new(RequestId { applied: 0, random: crypto::random() }, Millis(1));
    let mut key = RawKey::root(Class::Replicated);
    key.push(SegKind::Plain, format!("key-{}", number % KEYS).as_bytes()).expect("the name is short");
    batch.puts.push((key, Bytes::from(vec![7; 1024])));
    batch
}

/// User and system time of this process. The clock of `/proc` has ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(start(name, folder.path()).await);
    }
    let leader = nodes[0].clone();
    leader.found(batch(0)).await.expect("a cluster of one");
    for node in &nodes[1..] {
        let by = || Instant::now() + Duration::from_secs(10);
        let members = leader.admit(node.joining(), by()).await.expect("it is let in");
        node.enter(members, by()).await.expect("it comes in");
    }
    while leader.members().iter().filter(|member| member.voter).count() < nodes.len()
        || !leader.leadership().borrow().is_ready()
    {
        sleep(Duration::from_millis(50)).await;
    }
    println!("{:>8} {:>12} {:>10} {:>18}", "writers", "CPU, µs", "writes/s", "mean latency, ms");
    for writers in WRITERS {
        let (begun, spent, written) = (Instant::now(), cpu(), Arc::new(AtomicU64::new(0)));
        let tasks = (0..writers).map(|_| {
            let (leader, written) = (leader.clone(), written.clone());
            tokio::spawn(async move {
                let term = Term(leader.leadership().borrow().term);
                while begun.elapsed() < ROUND {
                    let number = written.fetch_add(1, Ordering::Relaxed);
                    leader.store().commit(term, batch(number)).await.expect("it is written");
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("the writer ends");
        }
        let (took, spent, written) = (begun.elapsed(), cpu() - spent, written.load(Ordering::Relaxed));
        #[allow(clippy::cast_precision_loss)]
        let each = |all: Duration| all.as_secs_f64() / written as f64;
        #[allow(clippy::cast_precision_loss)]
        let (rate, latency) = (1.0 / each(took), each(took) * writers as f64 * 1e3);
        println!("{writers:>8} {:>12.0} {rate:>10.0} {latency:>18.2}", each(spent) * 1e6);
    }
}
