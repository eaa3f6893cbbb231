//! `sys/metrics` of real nodes, and the dashboard that is made of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};

const PROMETHEUS: &str = "/v1/sys/metrics?format=prometheus";
const LEASES: &str = "vault_expire_num_leases";

/// A sample's value; the name may have labels.
fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

async fn scrape(client: &Client) -> String {
    client.get(PROMETHEUS).await.ok().as_str().unwrap().to_owned()
}

/// A little of everything that is counted.
async fn traffic(root: &Client) {
    root.post("/v1/sys/mounts/kv", json!({"type": "kv", "options": {"version": "2"}})).await.ok();
    root.post("/v1/kv/data/a", json!({"data": {"k": "v"}})).await.ok();
    root.get("/v1/kv/data/a").await.ok();
    root.list("/v1/kv/metadata").await.ok();
    root.delete("/v1/kv/metadata/a").await.ok();
    root.post("/v1/auth/token/create", json!({"ttl": "1h"})).await.ok();
    assert_eq!(root.get("/v1/kv/data/none").await.status, 404);
}

#[tokio::test]
async fn a_node_shows_its_own_metrics_to_those_who_may() {
    let cluster = Cluster::serving(2, Transport::Plain).await;
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    let root = cluster.root(leader);
    traffic(&root).await;

    let active = scrape(&root).await;
    for (name, wanted) in [("vault_core_unsealed", 1.0), ("vault_core_active", 1.0), ("vault_raft_peers", 2.0)] {
        assert_eq!(value(&active, name), Some(wanted), "{name}\n{active}");
    }
    assert!(value(&active, "vault_route_read_kv__count").is_some_and(|n| n >= 2.0), "{active}");
    // The one token that ends, on every node, once it has walked over them.
    for index in 0..2 {
        let client = cluster.root(index);
        until("each node counts the leases", async || (value(&scrape(&client).await, LEASES)? == 1.0).then_some(()))
            .await;
    }
    root.post("/v1/auth/token/create", json!({"ttl": "1h"})).await.ok();
    until("a lease that comes is counted", async || (value(&scrape(&root).await, LEASES)? == 2.0).then_some(())).await;
    root.post("/v1/sys/leases/revoke-prefix/auth/token/create", json!({})).await.ok();
    until("leases that go are not", async || (value(&scrape(&root).await, LEASES)? == 0.0).then_some(())).await;
    assert!(active.contains("vault_token_creation{auth_method=\"token\""), "{active}");
    // Reading metrics is not written down in the log.
    let (before, after) = (scrape(&root).await, scrape(&root).await);
    assert_eq!(value(&before, "vault_raft_apply"), value(&after, "vault_raft_apply"));

    let other = scrape(&cluster.root(standby)).await;
    assert_eq!(value(&other, "vault_core_active"), Some(0.0), "a standby speaks for itself");
    assert_eq!(value(&other, "vault_core_performance_standby"), Some(1.0));

    // What the members are is for the active node alone to say, and no more when another is.
    let healthy = "vault_autopilot_healthy";
    assert_eq!((value(&active, healthy), value(&other, healthy)), (Some(1.0), None));
    root.post("/v1/sys/step-down", json!({})).await.ok();
    let before = cluster.root(leader);
    until("another is active", async || (value(&scrape(&before).await, "vault_core_active")? == 0.0).then_some(()))
        .await;
    let text = scrape(&before).await;
    assert!(!text.contains("vault_autopilot_"), "{text}");
    let now = scrape(&cluster.root(cluster.leader().await)).await;
    assert!(value(&now, healthy).is_some() && now.contains("vault_autopilot_node_healthy{"), "{now}");

    let json = root.get("/v1/sys/metrics").await.ok();
    let gauges = json["Gauges"].as_array().unwrap();
    assert!(gauges.iter().any(|g| g["Name"] == "vault.core.unsealed" && g["Value"] == 1.0), "{json}");

    assert_eq!(cluster.nodes[leader].client().get(PROMETHEUS).await.status, 403);
    assert_eq!(root.get("/v1/sys/metrics?format=xml").await.status, 400);
    assert_eq!(root.post("/v1/sys/metrics", json!({})).await.status, 405);
}

/// One node that shows its metrics to all.
async fn open(more: &Value) -> Cluster {
    let mut cluster = Cluster::configured(1, Transport::Plain, more);
    let file = cluster.nodes[0].config_file();
    let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["listener"][0]["tcp"]["telemetry"] = json!({ "unauthenticated_metrics_access": true });
    std::fs::write(&file, config.to_string()).unwrap();
    cluster.nodes[0].start().await;
    cluster
}

#[tokio::test]
async fn what_is_refused_for_want_of_audit_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let options = json!({ "file_path": logs.join("log") });
    let mut cluster = open(&json!({ "audit": [{ "file": { "log": { "options": options } } }] })).await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let root = cluster.root(0);
    root.get("/v1/sys/mounts").await.ok();
    std::fs::remove_dir_all(&logs).unwrap();
    let mut refused = 0.0;
    until("the device fails", async || {
        refused += f64::from(root.get("/v1/sys/mounts").await.status == 500);
        (refused >= 3.0).then_some(())
    })
    .await;
    let text = scrape(&cluster.nodes[0].client()).await;
    // A read's answer goes to the devices together with its request: that it is missing there is counted apart.
    assert_eq!(value(&text, "vault_audit_log_request_failure"), Some(refused), "{text}");
}

#[tokio::test]
async fn a_listener_may_show_them_without_a_token() {
    let cluster = open(&json!({ "telemetry": { "prometheus_retention_time": "0s" } })).await;
    let client = cluster.nodes[0].client();
    let json = client.get("/v1/sys/metrics").await.ok();
    assert!(json["Gauges"].as_array().unwrap().iter().any(|g| g["Name"] == "vault.core.unsealed" && g["Value"] == 0.0));
    let off = client.get(PROMETHEUS).await;
    assert_eq!((off.status, off.body.as_str().is_some_and(|b| b.contains("not enabled"))), (400, true));
    assert_eq!(client.post("/v1/sys/metrics", json!({})).await.status, 405);
}

/// The names of metrics in a query: what looks like a name and is not a function, a label or a keyword.
fn metrics_of(query: &str) -> BTreeSet<String> {
    let prefixes = ["vault_", "holdfast_", "process_"];
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_query_of_the_dashboard_finds_its_metrics() {
    let file = "docs/grafana.json";
    let dashboard: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut queries: Vec<&str> = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{}", panel["title"]);
        queries.extend(targets.iter().map(|target| target["expr"].as_str().unwrap()));
    }
    queries.extend(
        dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|v| v["query"].as_str().filter(|query| query.contains('('))),
    );
    assert!(queries.len() > 20, "{queries:?}");

    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    traffic(&root).await;
    let text = until("leases are counted", async || {
        let text = scrape(&root).await;
        value(&text, LEASES).is_some().then_some(text)
    })
    .await;
    let shown: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    for query in queries {
        let names = metrics_of(query);
        assert!(!names.is_empty(), "no metric in {query:?}");
        for name in names {
            assert!(shown.contains(name.as_str()), "{query:?} asks for {name}, which the node does not show:\n{text}");
        }
    }
}
