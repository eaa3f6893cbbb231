//! Two tenants of one cluster, `alpha` and `beta`, who have the same of everything. The admin of `beta` may do all there, and
//! calls every declared operation with what belongs to `alpha`. The operations are read from the running server: one that
//! takes a name nobody has thought of here fails the test.

mod names;
mod owned;
mod sealed;
mod serviced;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::owned::{ONLY, Thing, meant, what_is_meant};
use crate::harness::{Client, Cluster, Description, Operation, Transport};
use crate::operations::{BEARER, mount_everything};

/// At once.
const CALLS: usize = 16;

/// Not called, and why.
const NOT_CALLED: &[(&str, &str)] = &[
    ("/sys/seal", "were it allowed, nothing would answer"),
    ("/sys/step-down", "were it allowed, nothing would answer"),
    ("/sys/monitor", "were it allowed, its answer would not end"),
];

/// What a token is told of itself wherever it asks, and whoever has a wrapping token of what that holds.
const OF_ITSELF: &[&str] = &["/auth/token/lookup-self", "/auth/token/revoke-self", "/sys/wrapping/unwrap"];

/// Their answers are others each time.
const VOLATILE: &[&str] = &[
    "/totp/code/{name}",
    "/sys/internal/counters/requests",
    "/sys/leader",
    "/sys/policies/password/{name}/generate",
    "/sys/policy/explain/{id}",
];

/// Fields of answers that say how late it is, or that are new each time.
const FIELDS: &[&str] = &["request_id", "ttl", "lease_duration", "ciphertext", "random_bytes", "wrapping_token"];

struct Tenants {
    cluster: Cluster,
    description: Description,
    alpha: BTreeMap<Thing, String>,
    nobody: BTreeMap<Thing, String>,
}

impl Tenants {
    async fn new() -> Tenants {
        let cluster = Cluster::serving(1, Transport::Plain).await;
        let root = cluster.root(0);
        mount_everything(&root).await;
        let description = Description::of(&root).await;
        let mut alpha = BTreeMap::new();
        for name in ["alpha", "beta"] {
            root.post(&format!("/v1/sys/namespaces/{name}"), json!({})).await.ok();
            let inside = root.within(name);
            mount_everything(&inside).await;
            let owned = owned::make(&inside, &cluster.nodes[0].client().within(name), name).await;
            if name == "alpha" {
                alpha = owned;
            }
        }
        let nobody = owned::of_nobody(&alpha);
        Tenants { cluster, description, alpha, nobody }
    }

    fn operations(&self) -> Vec<Operation> {
        let all = self.description.operations().into_iter();
        all.filter(|op| !NOT_CALLED.iter().any(|(path, _)| *path == op.template)).collect()
    }

    /// Whoever may do all in a namespace, and nothing elsewhere.
    async fn admin(&self, namespace: &str) -> Client {
        let inside = self.cluster.root(0).within(namespace);
        let made = inside.post("/v1/auth/token/create-orphan", json!({"policies": ["admin"]})).await.ok();
        self.cluster.nodes[0].client().within(namespace).with_token(made["auth"]["client_token"].as_str().unwrap())
    }

    /// All that `alpha` has, as far as it can be read.
    async fn state(&self, admin: &Client) -> BTreeMap<String, Value> {
        let reads = self
            .operations()
            .into_iter()
            .filter(|op| matches!(op.method, "GET" | "LIST" | "SCAN") && !VOLATILE.contains(&op.template.as_str()));
        let mut asked: BTreeSet<(&'static str, String)> = BTreeSet::new();
        for op in reads {
            let path = op.path_with(|name| what_is_meant(&op.template, name, &self.alpha));
            asked.insert((op.method, path.clone()));
            if op.template.ends_with('}') && op.method != "GET" {
                asked.insert((op.method, path.rsplit_once('/').unwrap().0.to_owned()));
            }
        }
        asked.extend([("LIST", "/v1/sys/leases/lookup/auth/token/create".to_owned())]);
        asked.extend([("SCAN", "/v1/sys/namespaces".to_owned()), ("LIST", "/v1/sys/namespaces".to_owned())]);
        let mut state: BTreeMap<String, Value> = stream::iter(asked)
            .map(|(method, path)| async move {
                let answer = admin.send(method, &path, None).await;
                (format!("{method} {path}"), json!([answer.status, lasting(answer.body)]))
            })
            .buffer_unordered(CALLS)
            .collect()
            .await;
        for thing in [Thing::Token, Thing::Wrapped] {
            let body = json!({"token": self.alpha[&thing]});
            let answer = admin.post("/v1/auth/token/lookup", body).await;
            state.insert(format!("{thing:?}"), json!([answer.status, lasting(answer.body)]));
        }
        state
    }
}

/// What of an answer stays until somebody changes it.
fn lasting(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| !FIELDS.contains(&name.as_str()))
            .map(|(k, v)| (k, lasting(v)))
            .collect(),
        Value::Array(items) => items.into_iter().map(lasting).collect(),
        other => other,
    }
}

fn unchanged(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    let differ = before.iter().filter(|(what, state)| after.get(*what) != Some(*state));
    let changed: Vec<String> = differ.map(|(what, state)| format!("{what}: {state} -> {}", after[what])).collect();
    assert!(changed.is_empty(), "alpha is not what it was: {changed:#?}");
}

/// The bodies to call an operation with: all that it can be named by at once, and each alone.
fn bodies(description: &Description, op: &Operation, of: &BTreeMap<Thing, String>) -> Vec<Map<String, Value>> {
    let all: Map<String, Value> = described(description, op)
        .into_iter()
        .filter_map(|(field, kind)| {
            let thing = meant(&op.template, &field)??;
            let text = &of[&thing];
            let list = kind.as_deref() == Some("array");
            Some((field, if list { json!([text]) } else { json!(text) }))
        })
        .collect();
    let each =
        all.iter().filter(|_| all.len() > 1).map(|(field, value)| Map::from_iter([(field.clone(), value.clone())]));
    let mut bodies: Vec<_> = each.collect();
    bodies.push(all);
    for body in bodies.iter_mut().filter(|_| matches!(op.method, "POST" | "PATCH")) {
        body.extend(owned::besides(&op.template, of));
    }
    bodies
}

/// The fields of the body, and what may stand behind the question mark.
fn described(description: &Description, op: &Operation) -> Vec<(String, Option<String>)> {
    let mut fields = description.fields(op);
    if !matches!(op.method, "POST" | "PATCH") {
        fields.extend(op.query().into_iter().map(|name| (name.to_owned(), Some("string".to_owned()))));
    }
    fields
}

/// Sends a body where the method has one, and behind the question mark otherwise.
async fn call(client: &Client, op: &Operation, path: &str, body: Map<String, Value>) -> (u16, Value) {
    let answer = if matches!(op.method, "POST" | "PATCH") {
        let client = match op.method {
            "PATCH" => client.with_header("Content-Type", "application/merge-patch+json"),
            _ => client.clone(),
        };
        client.send(op.method, path, Some(&Value::Object(body))).await
    } else {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs: Vec<String> = body.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        client.send(op.method, &format!("{path}{query}"), None).await
    };
    (answer.status, answer.body)
}

/// An answer without what it repeats of the question: an error's text, or which fields a success has.
fn told(status: u16, body: &Value, of: &BTreeMap<Thing, String>) -> String {
    let mut text = body.to_string();
    let mut words: Vec<_> = of.iter().collect();
    words.sort_by_key(|(_, word)| std::cmp::Reverse(word.len()));
    for (thing, word) in words {
        text = text.replace(word.as_str(), &format!("<{thing:?}>"));
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if status < 300 { format!("{status} {}", shape(&body)) } else { format!("{status} {}", body["errors"]) }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", shape(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        // How many there are depends on who came before.
        Value::Array(_) => "[]".into(),
        Value::Null => "null".into(),
        _ => "_".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_known_here() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    mount_everything(&root).await;
    let description = Description::of(&root).await;
    let mut unknown = BTreeSet::new();
    for op in description.operations() {
        let names = op.template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let texts = described(&description, &op).into_iter();
        let texts = texts.filter(|(_, kind)| !matches!(kind.as_deref(), Some("boolean" | "integer" | "number")));
        for name in names.map(str::to_owned).chain(texts.map(|(name, _)| name)) {
            if meant(&op.template, &name).is_none() {
                unknown.insert(format!("{name} of {}", op.template));
            }
        }
    }
    assert!(unknown.is_empty(), "say in owned.rs whether these name something: {unknown:#?}");
    for (path, _) in NOT_CALLED {
        assert!(description.operations().iter().any(|op| op.template == *path), "{path} is not there any more");
    }
}

/// In its own namespace what belongs to `alpha` is as what exists nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_tenant_is_as_what_does_not_exist() {
    let tenants = Tenants::new().await;
    let reader = tenants.admin("alpha").await;
    let before = tenants.state(&reader).await;
    let found = before.values().filter(|state| state[0] == 200).count();
    assert!(found > 60, "only {found} reads of alpha find something: {before:#?}");
    for (path, body) in owned::known_at_home(&tenants.alpha) {
        let answer = reader.post(&format!("/v1/{path}"), body).await;
        assert!(answer.status == 200, "alpha itself: {path}: {} {}", answer.status, answer.body);
    }
    let (mut wrong, mut called) = (Vec::new(), 0);
    for op in tenants.operations() {
        let with = |of: &BTreeMap<Thing, String>| {
            (op.path_with(|name| what_is_meant(&op.template, name, of)), bodies(&tenants.description, &op, of))
        };
        let ((path, theirs), (nowhere, missing)) = (with(&tenants.alpha), with(&tenants.nobody));
        for (theirs, missing) in theirs.into_iter().zip(missing) {
            called += 1;
            // Some calls end the token that makes them, and some both of these.
            let (beta, other) = (tenants.admin("beta").await, tenants.admin("beta").await);
            let what = format!("{} {path} {}", op.method, Value::Object(theirs.clone()));
            let (status, body) = call(&beta, &op, &path, theirs).await;
            let (status_of_nothing, nothing) = call(&other, &op, &nowhere, missing).await;
            if body.to_string().contains(ONLY) {
                wrong.push(format!("{what}: shows what is alpha's: {body}"));
            }
            let (here, there) =
                (told(status, &body, &tenants.alpha), told(status_of_nothing, &nothing, &tenants.nobody));
            if status >= 500 || here != there {
                wrong.push(format!("{what}: {here}, and of what is nowhere {there}"));
            }
        }
    }
    assert!(wrong.is_empty(), "of {called} calls: {wrong:#?}");
    assert!(called > 400, "{called}");
    unchanged(&before, &tenants.state(&reader).await);
}

/// By header, by path, by both, and by ways that lead out of a namespace: the admin of `beta` is nobody in `alpha`.
#[tokio::test(flavor = "multi_thread")]
async fn no_address_leads_an_admin_into_another_tenant() {
    let tenants = Tenants::new().await;
    let reader = tenants.admin("alpha").await;
    let before = tenants.state(&reader).await;
    let mut calls = Vec::new();
    for op in tenants.operations() {
        let path = op.path_with(|name| what_is_meant(&op.template, name, &tenants.alpha));
        let path = path.trim_start_matches("/v1/").to_owned();
        for (header, path) in [
            ("alpha", path.clone()),
            ("/alpha/", path.clone()),
            ("beta/../alpha", path.clone()),
            ("root/alpha", path.clone()),
            ("ALPHA", path.clone()),
            ("alpha%2f", path.clone()),
            ("", format!("alpha/{path}")),
            ("root", format!("alpha/{path}")),
            ("", path.clone()),
            ("root", path.clone()),
            ("beta", format!("alpha/{path}")),
            ("beta", format!("../alpha/{path}")),
            ("beta", format!("%2e%2e/alpha/{path}")),
            ("beta", format!("..%2falpha%2f{path}")),
            ("beta", format!("/alpha/{path}")),
            ("", format!("beta/../alpha/{path}")),
            ("", format!("beta%2f..%2falpha/{path}")),
        ] {
            calls.push((op.clone(), header, path));
        }
    }
    let address = tenants.cluster.nodes[0].url();
    let address = address.trim_start_matches("http://");
    let beta = tenants.admin("beta").await;
    let (description, alpha, tenants_ref, shared) = (&tenants.description, &tenants.alpha, &tenants, &beta);
    let answers: Vec<_> = stream::iter(calls)
        .map(|(op, header, path)| async move {
            let itself = OF_ITSELF.contains(&op.template.as_str());
            // Credentials count for whoever has them, and so does a wrapping token.
            let body = if op.open || itself { None } else { bodies(description, &op, alpha).pop() };
            // What ends the token that asks is asked with one of its own.
            let beta = if itself { tenants_ref.admin("beta").await } else { shared.clone() };
            let token = beta.token().unwrap().to_owned();
            let answer = raw(address, op.method, &path, header, &token, body.unwrap_or_default()).await;
            (op, header, path, answer)
        })
        .buffer_unordered(CALLS)
        .collect()
        .await;
    let mut wrong = Vec::new();
    for (op, header, path, answer) in answers {
        let status: u16 = answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
        let itself = OF_ITSELF.contains(&op.template.as_str());
        let right = match status {
            // A redirect leads to an address that is among these.
            400 | 403 | 404 | 307 => true,
            401 => op.template == BEARER,
            200 | 204 => op.open || itself,
            // Nothing reaches its handler: an operation of nobody's.
            405 | 412 | 429 | 472 | 473 => op.open,
            _ => false,
        };
        if !right || answer.contains(ONLY) {
            wrong.push(format!("{} {path} in {header:?}: {answer:.300}", op.method));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    unchanged(&before, &tenants.state(&reader).await);
}

/// Paths that clients would put straight.
async fn raw(
    address: &str,
    method: &str,
    path: &str,
    namespace: &str,
    token: &str,
    body: Map<String, Value>,
) -> String {
    let body = Value::Object(body).to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\nX-Vault-Namespace: {namespace}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A wrapping token is handed to whoever is to have what it holds: it counts in their hands, and once.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrapping_token_is_what_it_holds_and_counts_once() {
    let tenants = Tenants::new().await;
    let beta = tenants.admin("beta").await;
    let wrapped = json!({"token": tenants.alpha[&Thing::Wrapped]});
    for path in ["lookup", "revoke", "renew", "revoke-orphan"] {
        let answer = beta.post(&format!("/v1/auth/token/{path}"), wrapped.clone()).await;
        assert!(matches!(answer.status, 200 | 204 | 400 | 403 | 404), "{path}: {} {}", answer.status, answer.body);
        assert!(!answer.body.to_string().contains(ONLY), "{path}: {}", answer.body);
    }
    let first = beta.post("/v1/sys/wrapping/unwrap", wrapped.clone()).await.ok();
    assert!(first.to_string().contains(ONLY), "it is still what it was: {first}");
    assert_eq!(beta.post("/v1/sys/wrapping/unwrap", wrapped).await.status, 400);
}
