//! Every operation that the server declares, called in every state that matters: what must be refused is, nothing answers
//! 500, and a standby answers as the active node does. The operations are read from the running server, so none is forgotten.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use holdfast::catalog;
use sdk::PluginKind;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Description, Operation, Transport};

/// Below `/v1`: what a node answers for itself, to everybody, sealed or not.
const BY_ITSELF: &[&str] = &[
    "/sys/health",
    "/sys/init",
    "/sys/leader",
    "/sys/seal-backend-status",
    "/sys/seal-status",
    "/sys/unseal",
    "/sys/storage/raft/join",
    "/sys/storage/raft/bootstrap/challenge",
    "/sys/storage/raft/bootstrap/answer",
];

/// What is not called by who may, and why.
const NOT_CALLED: &[(&str, &str, &str)] = &[
    ("POST", "/sys/seal", "the node would be sealed"),
    ("POST", "/sys/step-down", "another node would be active"),
    ("GET", "/sys/monitor", "its answer does not end"),
    ("POST", "/sys/replication/dr/primary/enable", "what comes later would meet a primary"),
    ("POST", "/sys/replication/dr/primary/disable", "it is none"),
    ("POST", "/sys/replication/dr/primary/demote", "the cluster would serve nothing"),
];

/// Their bodies are streams: a standby sends whoever asks to the active node, which decides.
const STREAMED: &[&str] = &["/sys/storage/raft/snapshot", "/sys/storage/raft/snapshot-force"];

/// Whoever has no access token is told so in OAuth's way, by 401.
pub const BEARER: &str = "/identity/oidc/provider/{name}/userinfo";

/// At once, where the order does not matter.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_operation_in_every_state() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let (active, standbys) = (cluster.leader().await, cluster.standbys().await);
    let root = cluster.root(active);
    mount_everything(&root).await;
    let description = Description::of(&root).await;
    let operations = description.operations();
    assert!(operations.len() > 150, "{} operations", operations.len());
    let not_called = NOT_CALLED.iter().map(|(_, path, _)| *path);
    for path in BY_ITSELF.iter().chain(STREAMED).copied().chain(not_called) {
        assert!(operations.iter().any(|op| op.template == path), "{path} is an exception, and not there any more");
    }

    for index in [active, standbys[0]] {
        let nobody = cluster.nodes[index].client();
        refused(&nobody, &operations, "without a token").await;
        let poor = poor(&root, &cluster, index).await;
        refused(&poor, &operations, "without a policy").await;
    }
    same_everywhere(&cluster, &description, &operations, active, standbys[0]).await;

    let sealed = standbys[1];
    cluster.root(sealed).post("/v1/sys/seal", json!({})).await.ok();
    all_sealed(&cluster.root(sealed), &operations).await;
    all_sealed(&cluster.nodes[sealed].client(), &operations).await;

    for node in &cluster.nodes {
        let bad: Vec<String> = node.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect();
        assert!(bad.is_empty(), "{}: {bad:#?}", node.name);
    }
}

/// One of each kind, and of both versions of `kv`.
pub async fn mount_everything(root: &Client) {
    for (kind, name) in catalog::plugins().types() {
        let path = match kind {
            PluginKind::Secret => format!("/v1/sys/mounts/{name}"),
            PluginKind::Auth => format!("/v1/sys/auth/{name}"),
        };
        root.post(&path, json!({ "type": name })).await.ok();
    }
    // Not to be deleted: what is listed is there for whoever asks first, too.
    root.post("/v1/transit/keys/kept", json!({})).await.ok();
}

/// Whoever has a token that allows nothing.
async fn poor(root: &Client, cluster: &Cluster, index: usize) -> Client {
    let made = root.post("/v1/auth/token/create", json!({ "policies": ["nothing"], "no_default_policy": true }));
    let made = made.await.ok();
    cluster.nodes[index].client().with_token(made["auth"]["client_token"].as_str().unwrap())
}

async fn refused(client: &Client, operations: &[Operation], who: &str) {
    let statuses = stream::iter(operations).map(|operation| async move {
        let body = body_of(operation, json!({}));
        (operation, client.send(operation.method, &operation.path("x"), body.as_ref()).await)
    });
    let answers: Vec<_> = statuses.buffer_unordered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (operation, answer) in answers {
        let open = operation.open || BY_ITSELF.contains(&operation.template.as_str());
        let redirected = STREAMED.contains(&operation.template.as_str()) && answer.status == 307;
        let refused = if operation.template == BEARER { 401 } else { 403 };
        let right = if open { answer.status != 500 } else { answer.status == refused || redirected };
        if !right {
            wrong.push(format!("{} {}: {} {}", operation.method, operation.template, answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "{who}: {wrong:#?}");
}

async fn all_sealed(client: &Client, operations: &[Operation]) {
    let asked = operations.iter().filter(|op| !BY_ITSELF.contains(&op.template.as_str()));
    let statuses = stream::iter(asked).map(|operation| async move {
        let body = body_of(operation, json!({}));
        (operation, client.send(operation.method, &operation.path("x"), body.as_ref()).await)
    });
    let answers: Vec<_> = statuses.buffer_unordered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (operation, answer) in answers {
        // It is sealed already.
        let right = if operation.template == "/sys/seal" { answer.status == 204 } else { answer.status == 503 };
        if !right {
            wrong.push(format!("{} {}: {} {}", operation.method, operation.template, answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "sealed: {wrong:#?}");
}

/// First everything at the standby, then everything at the active node, so that each meets the state that the other met.
async fn same_everywhere(
    cluster: &Cluster,
    description: &Description,
    operations: &[Operation],
    active: usize,
    standby: usize,
) {
    let called: Vec<&Operation> = operations
        .iter()
        .filter(|op| !NOT_CALLED.iter().any(|(method, path, _)| *method == op.method && *path == op.template))
        .filter(|op| !STREAMED.contains(&op.template.as_str()))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    // Names differ, or the second would find what the first has made.
    for (index, text) in [(standby, "beta"), (active, "alpha")] {
        let mut statuses = Vec::new();
        for operation in &called {
            for body in [json!({}), description.plausible_body(operation, text)] {
                let body = body_of(operation, body);
                let client = whoever_may(cluster, index).await;
                let answer = client.send(operation.method, &operation.path(text), body.as_ref()).await;
                let what = format!("{} {} {}", operation.method, operation.template, body.unwrap_or_default());
                if answer.status >= 500 {
                    wrong.push(format!("{what}: {}", answer.body));
                }
                if answer.status < 300 {
                    let differences = description.differences(operation, &answer);
                    wrong.extend(differences.into_iter().map(|difference| format!("{what}: {difference}")));
                }
                statuses.push((what, answer.status, answer.body));
            }
        }
        seen.push(statuses);
    }
    let (at_active, at_standby) = (seen.pop().unwrap(), seen.pop().unwrap());
    for ((what, status, body), (_, other, other_body)) in at_active.iter().zip(&at_standby) {
        // A node's own state is its own.
        let own = BY_ITSELF.iter().any(|path| what.contains(path));
        if !own && status != other {
            wrong.push(format!("{what}: {status} at the active node, {other} at a standby: {body} {other_body}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let worked: BTreeSet<&String> =
        at_active.iter().filter(|(_, status, _)| *status < 300).map(|(what, ..)| what).collect();
    assert!(worked.len() > 60, "only {} calls worked", worked.len());
}

/// A token of its own for each call: some calls end the token that makes them.
async fn whoever_may(cluster: &Cluster, index: usize) -> Client {
    let made = cluster.root(index).post("/v1/auth/token/create-orphan", json!({ "policies": ["root"] })).await.ok();
    cluster.nodes[index].client().with_token(made["auth"]["client_token"].as_str().unwrap())
}

fn body_of(operation: &Operation, body: Value) -> Option<Value> {
    matches!(operation.method, "POST" | "PATCH").then_some(body)
}
