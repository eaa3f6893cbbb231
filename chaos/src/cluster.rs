//! The nodes together: founded, looked after, healed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::control::{self, State};
use crate::dice::Dice;
use crate::history::{History, Oddity, OddityKind, Sighting};
use crate::http::{Http, Reply};
use crate::node::Node;
use crate::plan::{Plan, Unsealing};
use crate::proxy::Proxies;

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub proxies: Arc<Proxies>,
    pub history: Arc<History>,
    pub folder: PathBuf,
    http: Http,
    unsealing: Unsealing,
    pub election_max: Duration,
    keys: OnceLock<Keys>,
    /// Held by a fault that makes clocks wrong: if two of three were, that would be the time.
    pub clocks: tokio::sync::Mutex<()>,
    /// How many faults want nobody to write just now.
    hushed: Arc<AtomicUsize>,
    converge_within: Duration,
}

/// Nobody writes until it is dropped.
pub struct Hush(Arc<AtomicUsize>);

impl Drop for Hush {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Keys {
    root: String,
    /// The one share, or recovery key, that there is.
    share: String,
}

/// Which node a fault wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Leader,
    Follower,
    Anybody,
}

/// A node that no other fault works on meanwhile.
pub struct Claimed {
    pub node: usize,
    _claim: OwnedMutexGuard<()>,
}

impl Cluster {
    /// Nodes that run, are initialised, joined and unsealed, and all vote.
    pub async fn found(plan: &Plan, program: &Path, folder: &Path) -> Result<(Arc<Self>, Keepers), String> {
        let history = Arc::new(History::default());
        let made: Result<Vec<Node>, String> =
            (0..plan.nodes).map(|index| Node::new(index, folder, program, Arc::clone(&history))).collect();
        let nodes = made?;
        let targets: Vec<_> = nodes.iter().map(|node| node.cluster).collect();
        let proxies = Arc::new(Proxies::start(&targets, plan.seed).await.map_err(|e| e.to_string())?);
        let cluster = Arc::new(Self {
            nodes,
            proxies,
            history,
            folder: folder.to_owned(),
            http: Http::default(),
            unsealing: plan.unsealing,
            election_max: Duration::from_millis(2 * plan.election_ms),
            keys: OnceLock::new(),
            clocks: tokio::sync::Mutex::default(),
            hushed: Arc::default(),
            // One that does without a safeguard may never become whole.
            converge_within: if plan.mutations.is_empty() { CONVERGE } else { CONVERGE / 6 },
        });
        for node in &cluster.nodes {
            node.configure(&cluster.config(node, plan), cluster.settings(node, plan))?;
        }
        let keepers = Keepers((0..plan.nodes).map(|node| tokio::spawn(keep(Arc::clone(&cluster), node))).collect());
        cluster.begin().await?;
        Ok((cluster, keepers))
    }

    fn config(&self, node: &Node, plan: &Plan) -> Value {
        let url = |node: &Node| format!("http://{}", node.api);
        let others = self.nodes.iter().filter(|other| other.index != node.index);
        let join: Vec<Value> = others.map(|other| json!({ "leader_api_addr": url(other) })).collect();
        let mut config = json!({
            "storage": { "raft": {
                "path": node.data(),
                "node_id": node.name,
                "retry_join": join,
                "heartbeat_interval": format!("{}ms", plan.heartbeat_ms),
                "election_timeout": format!("{}ms", plan.election_ms),
            } },
            "listener": [{ "tcp": {
                "address": node.api.to_string(),
                "cluster_address": node.cluster.to_string(),
                "tls_disable": true,
            } }],
            "api_addr": url(node),
            "cluster_addr": format!("https://{}", node.cluster),
            "disable_mlock": true,
        });
        if plan.unsealing == Unsealing::Static {
            config["seal"] = json!([{ "static": { "current_key_id": "chaos", "current_key": "c".repeat(64) } }]);
        }
        config
    }

    fn settings(&self, node: &Node, plan: &Plan) -> Value {
        let others = self.nodes.iter().filter(|other| other.index != node.index);
        let ways: serde_json::Map<String, Value> = others
            .map(|other| (other.cluster.to_string(), json!(self.proxies.way(node.index, other.index).to_string())))
            .collect();
        json!({
            "mutations": plan.mutations,
            "ways": ways,
            "linger": { "path": "race/", "ms": LINGER.as_millis() },
        })
    }

    async fn begin(self: &Arc<Self>) -> Result<(), String> {
        let end = Instant::now() + FOUND;
        self.nodes[0].start()?;
        let asked = match self.unsealing {
            Unsealing::Shares => json!({ "secret_shares": 1, "secret_threshold": 1 }),
            Unsealing::Static => json!({ "recovery_shares": 1, "recovery_threshold": 1 }),
        };
        self.until(end, "the first node answers", async || {
            self.bare(0, Method::GET, "sys/seal-status", None).await.status()
        })
        .await?;
        let made = self.bare(0, Method::POST, "sys/init", Some(&asked)).await;
        let made = made.good().ok_or_else(|| format!("the cluster could not be initialised: {}", made.describe()))?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("no keys in {made}"));
        let shares = match self.unsealing {
            Unsealing::Shares => &made["keys_base64"][0],
            Unsealing::Static => &made["recovery_keys_base64"][0],
        };
        let keys = Keys { root: text(&made["root_token"])?, share: text(shares)? };
        self.keys.set(keys).map_err(|_| "there are keys already".to_owned())?;
        self.until(end, "the first node is unsealed", async || self.leader().await).await?;
        for node in &self.nodes[1..] {
            node.start()?;
        }
        self.until(end, "all nodes vote", async || self.all_vote().await.filter(|all| *all)).await?;
        for node in 0..self.nodes.len() {
            self.serves(node).await?;
        }
        Ok(())
    }

    /// The processes are needed no more.
    pub fn end(&self) {
        for node in self.nodes.iter().filter(|node| node.runs()) {
            node.let_end();
            // It may have ended by itself.
            let _ = node.kill();
        }
    }

    async fn until<T>(&self, end: Instant, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T, String> {
        loop {
            if let Some(found) = look().await {
                return Ok(found);
            }
            if Instant::now() > end {
                return Err(format!("in vain waited until {what}"));
            }
            sleep(LOOK).await;
        }
    }

    pub fn root(&self) -> Option<&str> {
        self.keys.get().map(|keys| keys.root.as_str())
    }

    /// A request by nobody in particular, about which nothing is written down.
    pub async fn bare(&self, node: usize, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.http.send(self.nodes[node].api, method, path, self.root(), body, REQUEST).await
    }

    /// A client's request. What no healthy cluster answers is written down: statuses but success, "later" and those that
    /// are `expected`.
    pub async fn ask(
        &self,
        node: usize,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: &[u16],
    ) -> Reply {
        let start = self.history.now();
        let request = format!("{method} {path}");
        let reply = self.http.send(self.nodes[node].api, method, path, token, body, REQUEST).await;
        let kind = match &reply {
            Reply::Answer { status: 200..=299 | 503, .. } | Reply::Late => None,
            Reply::Answer { status, .. } if expected.contains(status) => None,
            Reply::Answer { status, body, .. } => Some(OddityKind::Status { status: *status, body: body.to_string() }),
            Reply::NotSent(problem) | Reply::Broken(problem) => Some(OddityKind::Broken { problem: problem.clone() }),
        };
        if let Some(kind) = kind {
            let end = self.history.now();
            self.history.write(|record| record.oddities.push(Oddity { node, start, end, request, kind }));
        }
        reply
    }

    pub async fn state(&self, node: usize) -> Result<State, String> {
        control::state(&self.nodes[node].socket()).await
    }

    /// The active node with the highest term.
    pub async fn leader(&self) -> Option<(usize, State)> {
        let mut found: Option<(usize, State)> = None;
        for node in self.nodes.iter().filter(|node| node.runs()) {
            if let Ok(state) = self.state(node.index).await
                && state.leads()
                && found.as_ref().is_none_or(|(_, known)| known.term < state.term)
            {
                found = Some((node.index, state));
            }
        }
        found
    }

    /// The highest term that any node knows of.
    pub async fn term(&self) -> u64 {
        let mut term = 0;
        for node in 0..self.nodes.len() {
            term = term.max(self.state(node).await.map_or(0, |state| state.term));
        }
        term
    }

    /// A node of this kind, once it is free.
    pub async fn claim(&self, whom: Whom, dice: &mut Dice) -> Result<Claimed, String> {
        let end = Instant::now() + CLAIM;
        loop {
            let leader = self.leader().await.map(|(leader, _)| leader);
            let mut fitting: Vec<usize> = (0..self.nodes.len()).collect();
            match (whom, leader) {
                (Whom::Leader, _) => fitting.retain(|node| Some(*node) == leader),
                (Whom::Follower, Some(leader)) => fitting.retain(|node| *node != leader),
                (Whom::Follower, None) => fitting.clear(),
                (Whom::Anybody, _) => {}
            }
            dice.shuffle(&mut fitting);
            for node in fitting {
                if let Ok(claim) = Arc::clone(&self.nodes[node].claim).try_lock_owned() {
                    return Ok(Claimed { node, _claim: claim });
                }
            }
            if Instant::now() > end {
                return Err(format!("no node was free that is {whom:?}"));
            }
            sleep(LOOK).await;
        }
    }

    /// All nodes, each as soon as it is free.
    pub async fn claim_all(&self) -> Vec<Claimed> {
        let mut all = Vec::new();
        for node in &self.nodes {
            all.push(Claimed { node: node.index, _claim: Arc::clone(&node.claim).lock_owned().await });
        }
        all
    }

    /// Has the clients write nothing, and returns once what they had begun is over.
    pub async fn hush(&self) -> Hush {
        self.hushed.fetch_add(1, Ordering::Relaxed);
        let hush = Hush(Arc::clone(&self.hushed));
        let (mut quiet, mut known) = (0, String::new());
        for _ in 0..100 {
            sleep(LOOK).await;
            let revision = self.leader().await.map_or(String::new(), |(_, state)| state.revision);
            quiet = if revision == known { quiet + 1 } else { 0 };
            known = revision;
            if quiet > 5 {
                break;
            }
        }
        hush
    }

    pub fn is_hushed(&self) -> bool {
        self.hushed.load(Ordering::Relaxed) > 0
    }

    /// Starts the process, waits until it serves, and says that it is back.
    pub async fn start(&self, node: usize) -> Result<(), String> {
        self.nodes[node].start()?;
        self.serves(node).await
    }

    /// Waits until the node answers and is unsealed, which the keeper sees to.
    pub async fn serves(&self, node: usize) -> Result<(), String> {
        let end = Instant::now() + SERVE;
        while Instant::now() < end {
            let answer = self.bare(node, Method::GET, "sys/seal-status", None).await;
            if answer.status().is_some() {
                self.history.up(node);
            }
            if answer.good().is_some_and(|body| body["sealed"] == json!(false)) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(format!("{} does not serve again", self.nodes[node].name))
    }

    /// Unseals the node if it is sealed and should not be, and notices if it has ended.
    async fn look_after(&self, node: usize) {
        let node = &self.nodes[node];
        if let Some(status) = node.died() {
            self.history.down(node.index);
            self.history.write(|record| record.deaths.push(format!("{} ended by itself: {status}", node.name)));
        }
        let Some(keys) = self.keys.get() else { return };
        if !node.runs() || node.stays_sealed.load(Ordering::Relaxed) {
            return;
        }
        let status = self.http.send(node.api, Method::GET, "sys/seal-status", None, None, REQUEST).await;
        let sealed = status.good().is_some_and(|body| body["sealed"] == json!(true));
        if sealed && !node.stays_sealed.load(Ordering::Relaxed) {
            let share = json!({ "key": keys.share });
            self.http.send(node.api, Method::POST, "sys/unseal", None, Some(&share), REQUEST).await;
        }
    }

    pub async fn look(&self) {
        for node in &self.nodes {
            if let Ok(state) = self.state(node.index).await {
                let (revision, fingerprint, diverged) = (state.revision, state.fingerprint, state.diverged);
                let sighting = Sighting { node: node.index, at: self.history.now(), revision, fingerprint, diverged };
                self.history.write(|record| record.sightings.push(sighting));
            }
        }
    }

    /// Whether all nodes are voters; none if nobody can tell.
    pub async fn all_vote(&self) -> Option<bool> {
        let (leader, _) = self.leader().await?;
        let answer = self.bare(leader, Method::GET, "sys/storage/raft/configuration", None).await;
        let servers = answer.good()?["data"]["config"]["servers"].as_array()?.clone();
        let voters = servers.iter().filter(|server| server["voter"] == json!(true)).count();
        Some(voters == self.nodes.len() && servers.len() == self.nodes.len())
    }

    /// Ends what may still be wrong and waits until the nodes are one cluster again that agrees on everything.
    pub async fn converge(&self) -> Result<(), String> {
        for node in &self.nodes {
            node.stays_sealed.store(false, Ordering::Relaxed);
            node.set_clock(0);
            node.go_on();
            if !node.runs() {
                node.start()?;
            }
            // One that was just started has a healthy disk and a right clock.
            let _ = control::disk(&node.socket(), "heal").await;
            let _ = control::clock(&node.socket(), 0).await;
        }
        let end = Instant::now() + self.converge_within;
        for node in &self.nodes {
            let what = format!("{} serves at the end", node.name);
            self.until(end, &what, async || {
                let health = self.bare(node.index, Method::GET, "sys/health", None).await;
                health.status().filter(|status| matches!(status, 200 | 473))
            })
            .await?;
            self.history.up(node.index);
        }
        self.until(end, "all nodes vote at the end", async || self.all_vote().await.filter(|all| *all)).await?;
        for node in &self.nodes {
            let (what, path) = (format!("a write through {} works", node.name), format!("kv/data/end-{}", node.name));
            let body = json!({ "data": { "end": true } });
            self.until(end, &what, async || {
                self.bare(node.index, Method::POST, &path, Some(&body)).await.good().map(|_| ())
            })
            .await?;
        }
        self.until(end, "all nodes are at one revision, with one leader", async || {
            let mut states = Vec::new();
            for node in 0..self.nodes.len() {
                states.push(self.state(node).await.ok()?);
            }
            self.look().await;
            let leaders = states.iter().filter(|state| state.leads()).count();
            (leaders == 1 && states.iter().all(|state| state.revision == states[0].revision)).then_some(())
        })
        .await
    }
}

/// They unseal and notice until they are dropped.
pub struct Keepers(Vec<JoinHandle<()>>);

impl Drop for Keepers {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn keep(cluster: Arc<Cluster>, node: usize) {
    loop {
        cluster.look_after(node).await;
        sleep(LOOK).await;
    }
}

/// How long requests to `race/` stand between their decision and their commit.
pub const LINGER: Duration = Duration::from_millis(60);
pub const REQUEST: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);
const FOUND: Duration = Duration::from_secs(60);
const SERVE: Duration = Duration::from_secs(45);
const CLAIM: Duration = Duration::from_secs(45);
const CONVERGE: Duration = Duration::from_secs(90);
