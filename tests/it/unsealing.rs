//! Unseal once: a node that is started anew gets its root key from a member, if all sides want that.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Cluster, Transport, until};

async fn serving(audit: &Path, on: bool) -> Cluster {
    let more = json!({
        "unseal_from_members": on,
        "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }],
    });
    Cluster::configured(3, Transport::Plain, &more).brought_up(3, 2).await
}

fn told(audit: &Path) -> Vec<Value> {
    let text = fs::read_to_string(audit).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["request"]["path"] == "unseal-member").collect()
}

async fn is_sealed(cluster: &Cluster, index: usize) -> bool {
    cluster.nodes[index].client().get("/v1/sys/seal-status").await.ok()["sealed"].as_bool().unwrap()
}

#[tokio::test]
async fn a_restarted_node_serves_without_shares() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let mut cluster = serving(&audit, true).await;
    assert!(told(&audit).is_empty());
    let standby = cluster.standbys().await[0];
    for (times, index) in [standby, cluster.leader().await].into_iter().enumerate() {
        cluster.nodes[index].kill();
        cluster.leader().await;
        cluster.nodes[index].start().await;
        cluster.serves(index).await;
        let entries = told(&audit);
        assert_eq!(entries.len(), times + 1);
        let entry = &entries[times];
        assert_eq!(entry["type"], "event");
        assert_eq!(entry["request"]["data"]["member"], json!(cluster.nodes[index].name));
        assert!(cluster.nodes[index].log().contains("the node was unsealed by a member of the cluster"));
    }

    // Whoever seals a node means it.
    let sealed = cluster.standbys().await[0];
    cluster.root(sealed).post("/v1/sys/seal", json!({})).await;
    until("it should be sealed", async || is_sealed(&cluster, sealed).await.then_some(())).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    assert!(is_sealed(&cluster, sealed).await);
    assert_eq!(told(&audit).len(), 2);

    // With nobody to ask it waits for shares, and for others.
    for node in &mut cluster.nodes {
        node.kill();
    }
    for node in &mut cluster.nodes {
        node.start().await;
    }
    for index in 0..3 {
        assert!(is_sealed(&cluster, index).await);
    }
    cluster.unseal(0).await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
}

#[tokio::test]
async fn nobody_is_unsealed_who_or_by_whom_it_is_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let mut cluster = serving(&audit, false).await;
    let standby = cluster.standbys().await[0];
    // The one that asks wants it; those that are asked do not.
    cluster.configure(standby, &json!({ "unseal_from_members": true }));
    cluster.nodes[standby].kill();
    cluster.nodes[standby].start().await;
    until("it should be refused by both", async || {
        let log = cluster.nodes[standby].log();
        let said = log.lines().find(|line| line.contains("no member has unsealed this node yet"))?;
        (said.matches("it is not configured to unseal members").count() == 2).then_some(())
    })
    .await;
    assert!(is_sealed(&cluster, standby).await);
    assert!(told(&audit).is_empty());

    // Without the option it does not even ask.
    cluster.configure(standby, &json!({}));
    cluster.nodes[standby].kill();
    let before = cluster.nodes[standby].log().len();
    cluster.nodes[standby].start().await;
    cluster.unseal(standby).await;
    cluster.serves(standby).await;
    assert!(!cluster.nodes[standby].log()[before..].contains("no member has unsealed"));
}
