//! Moves and batches: over mounts, at any node, as one change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};

const KV: &str = r#"{"type": "kv", "options": {"version": "2"}}"#;

async fn with_mounts() -> Cluster {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let root = cluster.root(0);
    for mount in ["one", "two"] {
        root.post(&format!("/v1/sys/mounts/{mount}"), serde_json::from_str(KV).unwrap()).await.ok();
    }
    cluster
}

/// A client of this node that may do what the policy says.
async fn with_policy(cluster: &Cluster, node: usize, name: &str, rules: &[(&str, &[&str])]) -> Client {
    let rule =
        |(path, capabilities): &(&str, &[&str])| format!("path {path:?} {{ capabilities = {capabilities:?} }}\n");
    let policy: String = rules.iter().map(rule).collect();
    let root = cluster.root(node);
    root.post(&format!("/v1/sys/policies/acl/{name}"), json!({ "policy": policy })).await.ok();
    let made = root.post("/v1/auth/token/create", json!({ "policies": [name] })).await.ok();
    cluster.nodes[node].client().with_token(made["auth"]["client_token"].as_str().unwrap())
}

fn write(path: &str, data: Value, cas: u64) -> Value {
    json!({ "operation": "update", "path": path, "data": { "data": data, "options": { "cas": cas } } })
}

#[tokio::test]
async fn of_batches_that_exclude_each_other_one_happens_as_a_whole() {
    let cluster = with_mounts().await;
    let nodes: Vec<Client> = (0..3).map(|index| cluster.root(index)).collect();
    for round in 0..5 {
        let sent = (0..9).map(|n| {
            let mut operations =
                vec![write("one/data/a", json!({ "n": n }), round), write("two/data/b", json!({ "n": n }), round)];
            if n % 2 == 0 {
                operations.reverse();
            }
            let node = nodes[n % 3].clone();
            async move { (n, node.post("/v1/sys/batch", json!({ "operations": operations })).await) }
        });
        let answers = join_all(sent).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 200);
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(lost.iter().all(|(_, answer)| answer.status == 400 && answer.error().contains("check-and-set")));
        for node in &nodes {
            for path in ["/v1/one/data/a", "/v1/two/data/b"] {
                let read = node.get(path).await.ok();
                let version = &read["data"]["metadata"]["version"];
                assert_eq!((&read["data"]["data"]["n"], version), (&json!(won[0].0), &json!(round + 1)));
            }
        }
    }
    let all = json!({"operations": [
        {"operation": "read", "path": "one/data/a"},
        {"operation": "list", "path": "two/metadata"},
        {"operation": "read", "path": "one/data/none"},
        {"operation": "patch", "path": "one/data/a", "data": {"data": {"more": true}}},
        {"operation": "delete", "path": "two/metadata/b"},
        {"operation": "create", "path": "cubbyhole/mine", "data": {"x": "y"}},
    ]});
    let standby = &nodes[cluster.standbys().await[0]];
    let results = standby.post("/v1/sys/batch", all).await.ok()["data"]["results"].clone();
    let statuses: Vec<_> = results.as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [200, 200, 404, 200, 204, 204]);
    assert_eq!(results[1]["data"]["keys"], json!(["b"]));
    assert_eq!(results[3]["data"]["version"], 6);
    assert_eq!(standby.get("/v1/two/metadata/b").await.status, 404);
    assert_eq!(standby.get("/v1/cubbyhole/mine").await.ok()["data"]["x"], "y");
}

#[tokio::test]
async fn an_operation_without_permission_stops_the_whole_batch() {
    let cluster = with_mounts().await;
    let standby = cluster.standbys().await[0];
    let rules: [(&str, &[&str]); 3] =
        [("sys/batch", &["update"]), ("one/data/a", &["create", "update"]), ("two/data/b", &["read"])];
    let client = with_policy(&cluster, standby, "half", &rules).await;
    let operations = json!([write("one/data/a", json!({"x": 1}), 0), write("two/data/b", json!({"x": 1}), 0)]);
    let refused = client.post("/v1/sys/batch", json!({ "operations": operations })).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.error().starts_with("operation 2 of the batch"), "{}", refused.error());
    let id = refused.body["request_id"].as_str().unwrap();
    let explained = cluster.root(standby).get(&format!("/v1/sys/policy/explain/{id}")).await.ok()["data"].clone();
    assert_eq!((&explained["path"], &explained["operation"]), (&json!("two/data/b"), &json!("update")), "{explained}");
    assert_eq!(explained["reason"], "missing_capability", "{explained}");
    assert_eq!(cluster.root(standby).get("/v1/one/data/a").await.status, 404, "nothing of it happens");
    let allowed = client.post("/v1/sys/batch", json!({ "operations": [operations[0]] })).await;
    assert_eq!(allowed.status, 200, "{}", allowed.body);
    let unasked = with_policy(&cluster, standby, "no-batch", &rules[1..]).await;
    let refused = unasked.post("/v1/sys/batch", json!({ "operations": [operations[0]] })).await;
    assert_eq!(refused.status, 403);
    for path in ["sys/mounts/three", "auth/token/create", "sys/batch", "sys/seal"] {
        let operation = json!({ "operation": "update", "path": path, "data": { "type": "kv" } });
        let refused = cluster.root(standby).post("/v1/sys/batch", json!({ "operations": [operation] })).await;
        assert!(refused.status == 400 && refused.error().contains("cannot be part of a batch"), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn a_move_takes_every_right_that_it_uses() {
    let cluster = with_mounts().await;
    let standby = cluster.standbys().await[0];
    let root = cluster.root(standby);
    let all: [(&str, &[&str]); 5] = [
        ("one/move/*", &["update"]),
        ("one/data/from/*", &["read", "delete"]),
        ("one/metadata/from/*", &["read", "delete"]),
        ("two/data/to/*", &["create"]),
        ("two/metadata/to/*", &["create"]),
    ];
    let to = json!({"to": "to/x", "to_mount": "two"});
    root.post("/v1/one/data/from/x", json!({"data": {"n": 1}})).await.ok();
    root.post("/v1/one/data/from/x", json!({"data": {"n": 2}})).await.ok();
    for lost in ["../lost", "a/./b", "nl\n", "ctl\u{0}"] {
        let refused = root.post("/v1/one/move/from/x", json!({"to": lost, "to_mount": "two"})).await;
        assert_eq!(refused.status, 400, "no request could ask for {lost:?}");
    }
    for missing in 0..all.len() {
        let mut rules = all.to_vec();
        rules.remove(missing);
        let client = with_policy(&cluster, standby, &format!("without-{missing}"), &rules).await;
        let refused = client.post("/v1/one/move/from/x", to.clone()).await;
        assert_eq!(refused.status, 403, "without {}: {}", all[missing].0, refused.body);
    }
    assert_eq!(root.get("/v1/two/metadata/to/x").await.status, 404);
    let client = with_policy(&cluster, standby, "all", &all).await;
    let moved = client.post("/v1/one/move/from/x", to.clone()).await.ok();
    assert_eq!(moved["data"], json!({"mount": "two/", "path": "to/x", "current_version": 2}));
    for node in 0..3 {
        let root = cluster.root(node);
        assert_eq!(root.get("/v1/one/metadata/from/x").await.status, 404);
        assert_eq!(root.get("/v1/two/data/to/x?version=1").await.ok()["data"]["data"]["n"], 1);
    }
    root.post("/v1/one/data/from/x", json!({"data": {"n": 3}})).await.ok();
    let mut replacing = to;
    replacing["replace"] = json!(true);
    assert_eq!(client.post("/v1/one/move/from/x", replacing).await.status, 403, "it may not remove what is there");
    assert_eq!(root.get("/v1/two/data/to/x").await.ok()["data"]["data"]["n"], 2);
}

/// Whoever leads: a secret is at one of its places, and two that are written together are equal.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_leaves_no_half_of_a_batch_or_a_move() {
    let mut cluster = with_mounts().await;
    let leader = cluster.leader().await;
    let standby = (leader + 1) % 3;
    let client = cluster.root(standby);
    client.post("/v1/one/data/ball", json!({"data": {"x": 1}})).await.ok();
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(load(client.clone(), Arc::clone(&stop)));
    let pairs = |client: Client| async move {
        let read = client.get("/v1/one/data/pair").await;
        read.body["data"]["metadata"]["version"].as_u64().unwrap_or(0)
    };
    until("the load should be under way", async || (pairs(client.clone()).await > 3).then_some(())).await;
    cluster.nodes[leader].kill();
    let killed_at = until("there should be another leader", async || {
        let version = pairs(client.clone()).await;
        (version > 0).then_some(version)
    })
    .await;
    until("the load should go on", async || (pairs(client.clone()).await > killed_at + 3).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();
    let one = client.get("/v1/one/data/pair").await.ok()["data"]["data"].clone();
    let two = client.get("/v1/two/data/pair").await.ok()["data"]["data"].clone();
    assert_eq!(one, two, "both or none");
    let there = [client.get("/v1/one/data/ball").await.status, client.get("/v1/two/data/ball").await.status];
    assert!(matches!(there, [200, 404] | [404, 200]), "the ball is in one place: {there:?}");
}

/// Writes a pair of secrets together, and throws a ball from mount to mount. What fails is tried again by the next round.
async fn load(client: Client, stop: Arc<AtomicBool>) {
    for n in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let pair = ["one/data/pair", "two/data/pair"]
            .map(|path| json!({ "operation": "update", "path": path, "data": { "data": { "n": n } } }));
        let answer = client.try_send("POST", "/v1/sys/batch", Some(&json!({ "operations": pair }))).await;
        for (from, to) in [("one", "two"), ("two", "one")] {
            let body = json!({ "to": "ball", "to_mount": to });
            let _ = client.try_send("POST", &format!("/v1/{from}/move/ball"), Some(&body)).await;
        }
        if !answer.is_ok_and(|answer| answer.status == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
