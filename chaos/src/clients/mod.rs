//! What is asked of the cluster meanwhile. Each client is a loop of its own and writes down what it did.

mod grants;
mod keys;
mod mounts;
mod names;
mod race;
mod tenants;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::history::{RightOp, Step};
use crate::http::Reply;

/// The clients of a run.
pub struct Clients {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all clients have.
#[derive(Clone)]
struct Desk {
    cluster: Arc<Cluster>,
    root: Arc<str>,
    stop: watch::Receiver<bool>,
    /// How many of the key clients may wait for one node: a node that stands still would soon have all of them.
    room: Arc<Vec<Semaphore>>,
}

impl Clients {
    /// Makes what they need and lets them begin.
    pub async fn begin(cluster: &Arc<Cluster>, seed: u64) -> Result<Self, String> {
        let root: Arc<str> = cluster.root().ok_or("there is no root token")?.into();
        let (stop, stopped) = watch::channel(false);
        let room = (0..cluster.nodes.len()).map(|_| Semaphore::new(keys::CLIENTS.div_ceil(cluster.nodes.len())));
        let desk = Desk { cluster: Arc::clone(cluster), root, stop: stopped, room: Arc::new(room.collect()) };
        for mount in ["kv", "race"] {
            desk.made(&format!("sys/mounts/{mount}"), &json!({ "type": "kv", "options": { "version": "2" } })).await?;
        }
        let policy = json!({ "policy": race::policy() });
        desk.made("sys/policies/acl/race", &policy).await?;
        names::fill(&desk).await?;
        let mut dice = Dice::new(seed);
        let mut tasks = Vec::new();
        for client in 0..keys::CLIENTS {
            tasks.push(tokio::spawn(keys::run(desk.clone(), client, Dice::new(dice.roll()))));
        }
        for client in 0..RACERS {
            tasks.push(tokio::spawn(tokens::run(desk.clone(), client, Dice::new(dice.roll()))));
            tasks.push(tokio::spawn(grants::run(desk.clone(), client, Dice::new(dice.roll()))));
        }
        tasks.push(tokio::spawn(mounts::run(desk.clone(), Dice::new(dice.roll()))));
        tasks.push(tokio::spawn(names::run(desk.clone(), Dice::new(dice.roll()))));
        tasks.push(tokio::spawn(tenants::run(desk.clone(), Dice::new(dice.roll()))));
        Ok(Self { stop, tasks })
    }

    /// Lets them finish what they are at.
    pub async fn end(self) -> Result<(), String> {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.map_err(|e| format!("a client ended: {e}"))?;
        }
        Ok(())
    }
}

/// Reads every key through every node, and the versions before the newest, once everything is well again.
pub async fn read_all(cluster: &Arc<Cluster>) -> Result<(), String> {
    keys::read_all(cluster).await
}

impl Desk {
    fn is_over(&self) -> bool {
        *self.stop.borrow()
    }

    /// For those that cannot but write: false once the run is over, else at a time when they may.
    async fn goes_on(&self) -> bool {
        while self.cluster.is_hushed() && !self.is_over() {
            sleep(AGAIN).await;
        }
        !self.is_over()
    }

    fn a_node(&self, dice: &mut Dice) -> usize {
        dice.index(self.cluster.nodes.len())
    }

    async fn made(&self, path: &str, body: &Value) -> Result<(), String> {
        let reply = self.cluster.bare(0, Method::POST, path, Some(body)).await;
        reply.good().map(|_| ()).ok_or_else(|| format!("{path}: {}", reply.describe()))
    }

    async fn ask(&self, node: usize, method: Method, path: &str, body: Option<&Value>, expected: &[u16]) -> Reply {
        self.cluster.ask(node, method, path, Some(&self.root), body, expected).await
    }

    /// Does it until it is acknowledged, through one node after the other; false if the run ended before. Each attempt is
    /// written down as a step in taking `right`.
    async fn take(&self, right: &str, method: Method, path: &str, body: Option<&Value>, dice: &mut Dice) -> bool {
        // What was done by an attempt without an answer is not there for the next one.
        const GONE: &[u16] = &[400, 404];
        let end = Instant::now() + PATIENCE;
        loop {
            let node = self.a_node(dice);
            let start = self.cluster.history.now();
            let reply = self.ask(node, method.clone(), path, body, GONE).await;
            let acknowledged = reply.status().is_some_and(|status| status < 300 || GONE.contains(&status));
            self.note(right, node, start, Step::Taken { acknowledged });
            if acknowledged {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
            sleep(AGAIN).await;
        }
    }

    fn note(&self, right: &str, node: usize, start: u64, step: Step) {
        let end = self.cluster.history.now();
        self.cluster.history.right(RightOp { right: right.to_owned(), node, start, end, step });
    }

    /// Whether it works with this token at this node; nothing is written down if nobody can tell.
    async fn attempt(&self, right: &str, node: usize, token: &str, path: &str) {
        let start = self.cluster.history.now();
        let reply = self.cluster.ask(node, Method::GET, path, Some(token), None, &[403, 404]).await;
        match reply.status() {
            // Nothing there, but whoever asked may look.
            Some(200 | 404) => self.note(right, node, start, Step::Worked { wrote: None }),
            Some(403) => self.note(right, node, start, Step::Refused),
            _ => {}
        }
    }

    async fn attempt_everywhere(&self, right: &str, token: &str, path: &str, dice: &mut Dice) {
        let mut nodes: Vec<usize> = (0..self.cluster.nodes.len()).collect();
        dice.shuffle(&mut nodes);
        futures(nodes.iter().map(|node| self.attempt(right, *node, token, path))).await;
    }
}

/// Long enough for a request to be decided, too short for it to commit if it is held up.
async fn a_moment(dice: &mut Dice) {
    sleep(Duration::from_millis(dice.between(5, 25))).await;
}

/// All at once.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Of clients that take tokens' and policies' rights away, of each kind.
const RACERS: usize = 2;
/// For how long something is tried that must be done.
const PATIENCE: Duration = Duration::from_secs(60);
/// After an answer that says nothing.
const AGAIN: Duration = Duration::from_millis(20);
