//! A whole server but for HTTP and disks: one node in memory, with the built-in endpoints and one plugin of each kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use barrier::Share;
use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::{InitOptions, Node, Settings};
use holdfast_core::mount::TtlLimits;
use holdfast_core::pipeline::Pipeline;
use holdfast_core::replication::Replication;
use holdfast_core::request::Request;
use holdfast_core::service::Service;
use holdfast_core::testing::{Alone, Paired};
use holdfast_core::token::ClientToken;
use sdk::{
    Answer, Authorization, Backend, Ctx, Failure, Input, Key, Login, Map, MountInfo, Path, Plugin, PluginKind, Read,
    TokenSettings, Txn, Value, Verb, View, json,
};
use storage::RequestId;
use tokio::time::Instant;

pub struct Server {
    pub alone: Arc<Alone>,
    pub link: Arc<Paired>,
    pub root: String,
    pub shares: Vec<Vec<u8>>,
    catalog: Catalog,
    service: Service,
}

/// Status and body of an answer.
pub struct Got {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Got {
    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    pub fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or("")
    }

    /// Refused with this status, and with words that name this.
    #[track_caller]
    pub fn refused(&self, status: u16, naming: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.error().contains(naming), "{:?} does not name {naming:?}", self.error());
    }
}

impl Server {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
        let mut settings = Settings::new(limits);
        change(&mut settings);
        let (alone, link) = Alone::paired();
        let measures: Arc<dyn crate::measures::Measures> = Arc::new(crate::measures::Nothing);
        let node = Node::new(Arc::clone(&alone) as _, settings);
        let options = InitOptions {
            shares: 1,
            threshold: 1,
            recipients: Default::default(),
            cluster_name: None,
            now: alone.now(),
        };
        let made = node.init(options).await.unwrap();
        node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        let plugins = Catalog::default().with(Keeper::new(PluginKind::Secret));
        let catalog = crate::with_builtins(plugins.with(Keeper::new(PluginKind::Auth)), &node, &measures);
        let pipeline = Pipeline::new(Arc::clone(&node), catalog.clone());
        let service = Service::new(node, catalog.clone(), pipeline, true);
        let shares = made.shares.iter().map(|share| share.to_vec()).collect();
        Self { alone, link, root: made.root_token.to_string(), shares, catalog, service }
    }

    /// Every path of the built-in mounts, below its mount.
    pub fn declared(&self) -> Vec<(&'static str, Arc<Path>)> {
        let mounts = [
            ("sys/", PluginKind::Secret, "system"),
            ("identity/", PluginKind::Secret, "identity"),
            ("cubbyhole/", PluginKind::Secret, "cubbyhole"),
            ("auth/token/", PluginKind::Auth, "token"),
        ];
        let mut paths = Vec::new();
        for (at, kind, name) in mounts {
            let plugin = self.catalog.find(kind, name).unwrap();
            let info = MountInfo {
                path: at.into(),
                kind: name.into(),
                accessor: String::new(),
                uuid: String::new(),
                options: BTreeMap::new(),
                default_lease_ttl: Duration::ZERO,
                max_lease_ttl: Duration::ZERO,
            };
            paths.extend(plugin.backend(&info).paths.iter().map(|path| (at, Arc::clone(path))));
        }
        paths
    }

    /// As the node does by itself when the state was replaced.
    pub fn attune(&self) {
        self.node().attune();
    }

    /// Status and body of `sys/health`.
    pub async fn health(&self, query: &str) -> (u16, Value) {
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query: Map<String, Value> = query.map(|(name, value)| (name.to_owned(), value.into())).collect();
        let local = super::node::local(self);
        let got =
            crate::node::answer(&local, crate::node::Method::Get, "sys/health", &query, &Ok(Map::new())).await.unwrap();
        (got.status, serde_json::from_slice(&got.body).unwrap())
    }

    pub fn node(&self) -> &Arc<Node> {
        self.service.node()
    }

    pub async fn send(&self, verb: Verb, path: &str, token: &str, body: Value) -> Got {
        self.send_as(verb, path, token, body, "").await
    }

    async fn send_as(&self, verb: Verb, path: &str, token: &str, body: Value, content_type: &str) -> Got {
        self.serve(request(verb, path, token, body, content_type)).await
    }

    /// As who the header `Authorization` says.
    pub async fn send_by(&self, verb: Verb, path: &str, token: &str, body: Value, authorization: Authorization) -> Got {
        self.serve(Request { authorization, ..request(verb, path, token, body, "") }).await
    }

    async fn serve(&self, request: Request) -> Got {
        let response = self.service.serve(request, Instant::now() + Duration::from_secs(5)).await;
        let body = match response.body.as_slice() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes).unwrap(),
        };
        Got { status: response.status, headers: response.headers, body }
    }

    /// As who says a name, with what is brought as a second factor, in a namespace.
    pub async fn log_in(&self, namespace: &str, path: &str, mfa: &[(&str, &str)]) -> Got {
        let mut factors = BTreeMap::<String, Vec<String>>::new();
        for (method, given) in mfa {
            factors.entry((*method).to_owned()).or_default().extend((!given.is_empty()).then(|| (*given).to_owned()));
        }
        self.serve(Request {
            namespace: namespace.into(),
            mfa: factors,
            ..request(Verb::Write, path, "", Value::Null, "")
        })
        .await
    }

    /// As nobody, who wants the answer wrapped.
    pub async fn wrapped(&self, path: &str, body: Value) -> Got {
        let wrap_ttl = Some(Duration::from_secs(60));
        self.serve(Request { wrap_ttl, ..request(Verb::Write, path, "", body, "") }).await
    }

    /// As root, to a namespace.
    pub async fn write_in(&self, namespace: &str, path: &str, body: Value) -> Got {
        let request = request(Verb::Write, path, &self.root, body, "");
        self.serve(Request { namespace: namespace.into(), ..request }).await
    }

    pub async fn read(&self, path: &str) -> Got {
        self.send(Verb::Read, path, &self.root, Value::Null).await
    }

    pub async fn list(&self, path: &str) -> Got {
        self.send(Verb::List, path, &self.root, Value::Null).await
    }

    pub async fn write(&self, path: &str, body: Value) -> Got {
        self.send(Verb::Write, path, &self.root, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Got {
        self.send_as(Verb::Patch, path, &self.root, body, "application/merge-patch+json").await
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.send(Verb::Delete, path, &self.root, Value::Null).await
    }

    pub async fn policy(&self, name: &str, text: &str) {
        self.write(&format!("sys/policies/acl/{name}"), json!({"policy": text})).await.ok();
    }

    /// Whether a token counts.
    pub async fn lives(&self, token: &str) -> bool {
        self.send(Verb::Read, "auth/token/lookup-self", token, Value::Null).await.status == 200
    }

    /// A child of the root token: its id and accessor.
    pub async fn token(&self, asked: Value) -> (String, String) {
        let made = self.write("auth/token/create", asked).await.ok();
        let text = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
        (text("client_token"), text("accessor"))
    }
}

fn request(verb: Verb, path: &str, token: &str, body: Value, content_type: &str) -> Request {
    Request {
        namespace: String::new(),
        id: RequestId { applied: 0, random: crypto::random() },
        verb,
        path: path.into(),
        token: (!token.is_empty()).then(|| ClientToken::new(token.into())),
        body: body.as_object().cloned().unwrap_or_default(),
        remote: None,
        certificates: Vec::new(),
        content_type: content_type.into(),
        wrap_ttl: None,
        mfa: Default::default(),
        consistency: Default::default(),
        audit_headers: Vec::new(),
        authorization: Authorization::default(),
        doors: Vec::new(),
        help: false,
        head: false,
        upload: None,
        trace: None,
    }
}

/// A plugin that keeps what it is given, by path.
struct Keeper {
    kind: PluginKind,
    backend: Backend,
}

#[derive(Input)]
struct At {
    path: String,
}

#[derive(Input)]
struct User {
    name: String,
}

#[derive(Input)]
struct Put {
    path: String,
    #[field(rest)]
    fields: Map<String, Value>,
}

impl Keeper {
    fn new(kind: PluginKind) -> Self {
        let key = |path: &str| Key::kind("kept").names(path);
        let path = Path::new(":path+")
            .view(Verb::Read, move |_: &Ctx, at: At, view: &View| {
                view.get(&key(&at.path))?.map(Answer::data).ok_or(Failure::NotFound)
            })
            .txn(Verb::Write, move |_: &Ctx, put: Put, txn: &mut Txn| {
                txn.put(&key(&put.path), &put.fields)?;
                Ok(Answer::empty())
            });
        // Whoever says a name is let in by it.
        let login = Path::new("login/:name").login("name").txn(Verb::Write, |_: &Ctx, user: User, _: &mut Txn| {
            Ok(Answer::login(Login {
                alias: user.name.clone(),
                alias_metadata: Default::default(),
                group_aliases: Vec::new(),
                display_name: user.name,
                metadata: Default::default(),
                internal: Value::Null,
                token: TokenSettings::default(),
                for_elsewhere: false,
            }))
        });
        let paths = if kind == PluginKind::Auth { vec![login, path] } else { vec![path] };
        Self { kind, backend: Backend::new("Keeps things.", paths) }
    }
}

impl Plugin for Keeper {
    fn kind(&self) -> PluginKind {
        self.kind
    }
    fn types(&self) -> &'static [&'static str] {
        match self.kind {
            PluginKind::Secret => &["box"],
            PluginKind::Auth => &["userpass"],
        }
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
}
