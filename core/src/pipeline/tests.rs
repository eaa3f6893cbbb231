//! The pipeline on a node in memory, with a plugin of few paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use barrier::Share;
use bytes::Bytes;
use sdk::{
    Answer, AuthBlock, Backend, Ctx, Failure, Input, Key, Login, MountInfo, Path, Plugin, PluginKind, Read,
    TokenSettings, Txn, Value, Verb, View, json,
};
use storage::{RequestId, TxnState};
use tokio::time::Instant;

use crate::audit::{Device, Rules, Sink, Written};
use crate::catalog::Catalog;
use crate::lifecycle::{InitOptions, Node, Settings};
use crate::mount::{Mount, Table, TtlLimits};
use crate::pipeline::Pipeline;
use crate::policies::{NewPolicy, PolicySettings};
use crate::replication::Replication;
use crate::request::Request;
use crate::response::Response;
use crate::service::Service;
use crate::space;
use crate::testing::Alone;
use crate::token::{ClientToken, NewToken};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Elsewhere {
    /// Whose records are looked at.
    namespace: String,
}

/// A number that each write makes larger by one, after what it was read as.
struct Counter {
    backend: Backend,
}

fn number() -> Key {
    Key::kind("number")
}

impl Counter {
    fn new(runs: Arc<AtomicUsize>) -> Self {
        let acts = Arc::clone(&runs);
        let path = Path::new("number")
            .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| {
                Ok(Answer::json(json!({"n": view.get::<u64>(&number())?.unwrap_or(0)})))
            })
            .txn(Verb::Write, move |_: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
                runs.fetch_add(1, Ordering::Relaxed);
                let n = txn.get_for_update::<u64>(&number())?.unwrap_or(0);
                txn.put(&number(), &(n + 1))?;
                Ok(Answer::empty())
            });
        let broken = Path::new("broken").txn(Verb::Write, |_: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
            txn.put(&number(), &77)?;
            Err::<Answer, _>(Failure::invalid("refused after it had written"))
        });
        let login = Path::new("login").txn(Verb::Write, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let token = TokenSettings { policies: vec!["reader".into()], ..TokenSettings::default() };
            let (alias, display_name) = ("somebody".to_owned(), "somebody".to_owned());
            Ok(Answer::login(Login {
                alias,
                alias_metadata: Default::default(),
                group_aliases: Vec::new(),
                display_name,
                metadata: [].into(),
                internal: Value::Null,
                token,
                for_elsewhere: false,
            }))
        });
        let renewed = Path::new("renewed").txn(Verb::Write, |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let auth = json!({
                "client_token": ctx.caller.unwrap().client_token, "accessor": "", "policies": [], "token_policies": [],
                "lease_duration": 60, "renewable": true, "entity_id": "", "token_type": "service", "orphan": true,
                "num_uses": 0,
            });
            Ok(Answer::auth(AuthBlock { renewed: true, ..serde_json::from_value(auth).unwrap() }))
        });
        let later = Path::new("later").act::<Nothing>(Verb::Write, Later(Arc::clone(&acts)));
        let act = Path::new("act").act::<Nothing>(Verb::Write, Halfway(acts));
        let elsewhere = Path::new("elsewhere").view(Verb::Read, |_: &Ctx, input: Elsewhere, view: &View| {
            let id = sdk::NamespaceId::parse(&input.namespace).unwrap();
            let n = view.elsewhere(space::records(&id)).get::<u64>(&Key::kind("number").name("n"))?;
            Ok(Answer::json(json!({ "n": n })))
        });
        let mut paths = vec![path, broken, login, renewed, act, later, elsewhere];
        paths.extend(listing::paths());
        paths.extend(batch::paths());
        Self { backend: Backend::new("A number.", paths) }
    }
}

/// Fails after it has begun.
struct Halfway(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl sdk::Act for Halfway {
    async fn act(&self, _params: &sdk::Params, _deadline: std::time::Instant) -> sdk::Result<Answer> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Failure::Moved("half of it is done".into()))
    }
}

/// Does what it does once its answer is certain to go out, and has a word on it.
struct Later(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl sdk::Act for Later {
    async fn act(&self, _params: &sdk::Params, _deadline: std::time::Instant) -> sdk::Result<Answer> {
        Ok(Answer::bare(json!({ "key": "new" })).then(Arc::new(Done(Arc::clone(&self.0)))))
    }
}

struct Done(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl sdk::Act for Done {
    async fn act(&self, _params: &sdk::Params, _deadline: std::time::Instant) -> sdk::Result<Answer> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Answer::empty().warn("perhaps"))
    }
}

impl Plugin for Counter {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["counter"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
}

/// An audit device that can be broken.
#[derive(Default)]
struct Lines {
    lines: parking_lot::Mutex<Vec<String>>,
    broken: AtomicBool,
    answers_broken: AtomicBool,
    /// How many entries it writes before it breaks by itself.
    good: parking_lot::Mutex<Option<usize>>,
}

impl Lines {
    fn broken_after(&self, entries: usize) {
        *self.good.lock() = Some(entries);
    }

    fn write(&self, line: String) -> Result<(), String> {
        match &mut *self.good.lock() {
            Some(0) => self.broken.store(true, Ordering::Relaxed),
            Some(left) => *left -= 1,
            None => {}
        }
        let is_answer = line.contains("\"type\":\"response\"");
        if self.broken.load(Ordering::Relaxed) || is_answer && self.answers_broken.load(Ordering::Relaxed) {
            return Err("broken".into());
        }
        self.lines.lock().push(line);
        Ok(())
    }
}

struct Shared(Arc<Lines>);

impl Sink for Shared {
    fn write(&mut self, lines: &[Bytes], _patience: Duration) -> Written {
        Written::Each(lines.iter().map(|line| self.0.write(String::from_utf8_lossy(line).into_owned())).collect())
    }
}

struct Bench {
    service: Arc<Service>,
    node: Arc<Node>,
    alone: Arc<Alone>,
    root: ClientToken,
    audit: Arc<Lines>,
    runs: Arc<AtomicUsize>,
    doors: Arc<logins::Doors>,
    forgotten: Arc<AtomicUsize>,
}

impl Bench {
    async fn new() -> Self {
        let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
        let alone = Arc::new(Alone::default());
        let node = Node::new(Arc::clone(&alone) as _, Settings::new(limits));
        let made = node
            .init(InitOptions {
                shares: 1,
                threshold: 1,
                recipients: Default::default(),
                cluster_name: None,
                now: alone.now(),
            })
            .await
            .unwrap();
        node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let doors = Arc::new(logins::Doors::default());
        let forgotten = Arc::new(AtomicUsize::new(0));
        let catalog = Catalog::default()
            .with(Counter::new(Arc::clone(&runs)))
            .with(logins::Words::new(Arc::clone(&doors)))
            .with(chores::Alarm::new(Arc::clone(&forgotten)));
        let audit = Arc::new(Lines::default());
        let device = Device::start("lines/", "file", Rules::default(), Box::new(Shared(Arc::clone(&audit)))).unwrap();
        node.audit.use_devices(vec![Arc::new(device)]);
        let pipeline = Pipeline::new(Arc::clone(&node), catalog.clone());
        let service = Arc::new(Service::new(Arc::clone(&node), catalog, pipeline, true));
        let bench = Self {
            service,
            node,
            alone,
            root: crate::token::ClientToken::new(made.root_token.to_string()),
            audit,
            runs,
            doors,
            forgotten,
        };
        bench
            .change(|state, node| {
                let mut mount = Mount::new(Table::Secret, "c/", "counter", "");
                mount.options = Some(std::collections::BTreeMap::new());
                let mut records = state.at(space::records(&sdk::NamespaceId::root()));
                node.mounts.add(&mut records, mount).unwrap();
                node.mounts.add(&mut records, Mount::new(Table::Auth, "words/", "words", "")).unwrap();
                node.mounts.add(&mut records, Mount::new(Table::Secret, "alarm/", "alarm", "")).unwrap();
            })
            .await;
        bench
    }

    async fn change<T>(&self, write: impl FnOnce(&mut TxnState, &Node) -> T) -> T {
        let mut state = TxnState::new(self.node.store.snapshot().unwrap(), storage::Latches::new().begin());
        let out = write(&mut state, &self.node);
        let (open, _held) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.node.store.seal(id, self.alone.now(), open).unwrap();
        self.node.store.commit(storage::Term(1), batch).await.unwrap();
        out
    }

    async fn token(&self, policy: &str, num_uses: i64) -> ClientToken {
        let new = NewToken {
            policies: vec![policy.into()],
            path: "auth/token/create".into(),
            display_name: "token".into(),
            ttl: Duration::from_secs(60),
            renewable: true,
            num_uses,
            ..NewToken::default()
        };
        self.change(|state, node| {
            let mut records = state.at(space::records(&sdk::NamespaceId::root()));
            node.tokens.create(&mut records, self.alone.now(), new).unwrap().token
        })
        .await
    }

    async fn policy(&self, name: &str, text: &str) {
        self.change(|state, node| {
            let new = NewPolicy {
                namespace: &sdk::NamespaceId::root(),
                name,
                text,
                expires: None,
                settings: PolicySettings::default(),
                cas: None,
            };
            let now = self.alone.now();
            node.policies.set(&mut state.at(space::records(&sdk::NamespaceId::root())), now, &new).unwrap();
        })
        .await;
    }

    async fn send(&self, verb: Verb, path: &str, token: Option<&ClientToken>) -> Response {
        self.send_as(RequestId { applied: 0, random: crypto::random() }, verb, path, token).await
    }

    async fn send_as(&self, id: RequestId, verb: Verb, path: &str, token: Option<&ClientToken>) -> Response {
        self.serve(Request { id, ..request(verb, path, token) }).await
    }

    async fn serve(&self, request: Request) -> Response {
        self.service.serve(request, Instant::now() + Duration::from_secs(5)).await
    }

    async fn number(&self) -> u64 {
        let response = self.send(Verb::Read, "c/number", Some(&self.root)).await;
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        body["data"]["n"].as_u64().unwrap()
    }
}

fn request(verb: Verb, path: &str, token: Option<&ClientToken>) -> Request {
    Request {
        namespace: String::new(),
        id: RequestId { applied: 0, random: crypto::random() },
        verb,
        path: path.into(),
        token: token.cloned(),
        body: sdk::Map::new(),
        remote: None,
        certificates: Vec::new(),
        content_type: String::new(),
        wrap_ttl: None,
        mfa: Default::default(),
        consistency: Default::default(),
        authorization: Default::default(),
        doors: Vec::new(),
        help: false,
        head: false,
        upload: None,
        trace: None,
        audit_headers: Vec::new(),
    }
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

mod audited;
mod batch;
mod chores;
mod consistent;
mod listing;
mod logins;
mod namespaces;
mod overload;
mod sweeping;
mod wrapping;

#[tokio::test]
async fn an_act_that_failed_halfway_is_not_done_because_it_is_asked_for_again() {
    let bench = Bench::new().await;
    let id = RequestId { applied: 0, random: crypto::random() };
    let first = bench.send_as(id, Verb::Write, "c/act", Some(&bench.root)).await;
    assert_eq!((first.status, first.moved), (503, false), "whoever forwarded it must not send it again");
    let again = bench.send_as(id, Verb::Write, "c/act", Some(&bench.root)).await;
    assert_eq!(again.status, 503);
    assert!(String::from_utf8_lossy(&again.body).contains("outcome unknown"));
    assert_eq!(bench.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_acts_answer_is_not_wrapped_and_says_so() {
    let bench = Bench::new().await;
    let wrapped =
        Request { wrap_ttl: Some(Duration::from_secs(60)), ..request(Verb::Write, "c/act", Some(&bench.root)) };
    assert_eq!(bench.serve(wrapped).await.status, 400);
    assert_eq!(bench.runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_record_all_count() {
    let bench = Arc::new(Bench::new().await);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let bench = Arc::clone(&bench);
        writers.spawn(async move { bench.send(Verb::Write, "c/number", Some(&bench.root)).await.status });
    }
    assert!(writers.join_all().await.into_iter().all(|status| status == 204));
    assert_eq!(bench.number().await, 40);
}

#[tokio::test]
async fn a_request_runs_once_however_often_it_comes() {
    let bench = Bench::new().await;
    let id = RequestId { applied: 0, random: [9; 16] };
    for _ in 0..3 {
        assert_eq!(bench.send_as(id, Verb::Write, "c/number", Some(&bench.root)).await.status, 204);
    }
    assert_eq!(bench.number().await, 1);
    assert!(bench.runs.load(Ordering::Relaxed) >= 1);
}

#[tokio::test]
async fn without_an_audit_entry_nothing_happens() {
    let bench = Bench::new().await;
    bench.audit.broken.store(true, Ordering::Relaxed);
    let refused = bench.send(Verb::Write, "c/number", Some(&bench.root)).await;
    assert_eq!(refused.status, 500);
    assert!(String::from_utf8_lossy(&refused.body).contains("lines"), "the device is named");
    bench.audit.broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.number().await, 0);
    let lines = bench.audit.lines.lock().clone();
    assert_eq!(lines.len(), 2, "a request and its answer: {lines:?}");
    assert!(!lines.concat().contains(bench.root.expose()), "a token is never written");
}

#[tokio::test]
async fn what_fails_writes_nothing() {
    let bench = Bench::new().await;
    assert_eq!(bench.send(Verb::Write, "c/broken", Some(&bench.root)).await.status, 400);
    assert_eq!(bench.number().await, 0);
}

#[tokio::test]
async fn policies_decide_and_a_change_counts_at_once() {
    let bench = Bench::new().await;
    bench.policy("reader", "path \"c/number\" { capabilities = [\"read\"] }").await;
    let token = bench.token("reader", 0).await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 200);
    assert_eq!(bench.send(Verb::Write, "c/number", Some(&token)).await.status, 403);
    assert_eq!(bench.send(Verb::Read, "c/number", None).await.status, 403);
    assert_eq!(bench.send(Verb::Read, "nothing/there", Some(&token)).await.status, 403);
    assert_eq!(bench.send(Verb::Read, "nothing/there", Some(&bench.root)).await.status, 404);
    bench.policy("reader", "path \"c/number\" { capabilities = [\"deny\"] }").await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 403);
    bench.alone.advance(Duration::from_secs(61));
    bench.policy("reader", "path \"c/number\" { capabilities = [\"read\"] }").await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 403, "it has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_spent_by_every_request_and_never_twice() {
    let bench = Arc::new(Bench::new().await);
    bench.policy("writer", "path \"c/number\" { capabilities = [\"update\"] }").await;
    let token = bench.token("writer", 5).await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 403, "denied, and counted");
    let mut users = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (bench, token) = (Arc::clone(&bench), token.clone());
        users.spawn(async move { bench.send(Verb::Write, "c/number", Some(&token)).await.status });
    }
    let done = users.join_all().await.into_iter().filter(|status| *status == 204).count();
    assert_eq!(done, 4);
    assert_eq!(bench.number().await, 4);
    assert_eq!(bench.send(Verb::Write, "c/number", Some(&token)).await.status, 403);
}
