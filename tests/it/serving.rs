//! Nodes come up, serve and go down, over both transports.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{Cluster, Transport, run_with, until};
use serde_json::json;

#[tokio::test]
async fn one_node_from_nothing_to_serving_and_back() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    std::fs::remove_dir(cluster.nodes[0].data()).unwrap();
    cluster.nodes[0].start().await;
    let client = cluster.nodes[0].client();
    assert_eq!(client.health().await, Some(501));
    assert_eq!(cluster.nodes[0].data().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let status = client.get("/v1/sys/seal-status").await;
    assert_eq!((status.status, status.headers["cache-control"].as_bytes()), (200, &b"no-store"[..]));
    cluster.initialise(3, 2).await;
    assert_eq!(client.health().await, Some(503));
    cluster.unseal(0).await;
    assert_eq!(cluster.leader().await, 0);
    assert!(cluster.nodes[0].stop().await.success());
    cluster.nodes[0].start().await;
    assert_eq!(client.health().await, Some(503));
    cluster.unseal(0).await;
    until("the node should be active again", async || client.health().await.filter(|status| *status == 200)).await;
}

#[tokio::test]
async fn three_nodes_over_tls_and_the_commands_of_an_operator() {
    let cluster = Cluster::serving(3, Transport::Tls).await;
    let ca = cluster.ca().unwrap().to_str().unwrap().to_owned();
    let token = cluster.keys.as_ref().unwrap().root.clone();
    let standby = cluster.standbys().await[0];
    let address = cluster.nodes[standby].url();
    let variables = [("VAULT_ADDR", address.as_str()), ("VAULT_CACERT", ca.as_str()), ("VAULT_TOKEN", token.as_str())];
    let status = run_with(&["status"], &variables, "");
    assert_eq!(status.status, 0, "{status:?}");
    assert!(status.out.contains("performance standby"), "{}", status.out);
    let peers = run_with(&["operator", "raft", "list-peers", "-format=json"], &variables, "");
    assert_eq!(peers.status, 0, "{peers:?}");
    let peers: serde_json::Value = serde_json::from_str(&peers.out).unwrap();
    assert_eq!(peers["data"]["config"]["servers"].as_array().unwrap().len(), 3);
    let untrusting = run_with(&["status"], &[("VAULT_ADDR", &address)], "");
    assert_eq!(untrusting.status, 1);
    assert!(untrusting.err.contains("certificate"), "{}", untrusting.err);
}

/// A standby's reads are never stale: not for a mount that has moved, nor for a token that was revoked.
#[tokio::test]
async fn a_standby_knows_at_once_what_has_moved_and_what_was_revoked() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let standby = cluster.standbys().await[0];
    let (active, there) = (cluster.root(cluster.leader().await), cluster.root(standby));
    active.post("/v1/sys/mounts/kv0", json!({"type": "kv"})).await.ok();
    active.post("/v1/kv0/a", json!({"x": "1"})).await.ok();
    for round in 0..20 {
        let (from, to) = (format!("kv{round}"), format!("kv{}", round + 1));
        active.post("/v1/sys/remount", json!({"from": from, "to": to})).await.ok();
        assert_eq!(there.get(&format!("/v1/{to}/a")).await.ok()["data"]["x"], "1");
        assert_eq!(there.get(&format!("/v1/{from}/a")).await.status, 404);
        // By turns through either node.
        let (maker, revoker) = if round % 2 == 0 { (&active, &there) } else { (&there, &active) };
        let made = maker.post("/v1/auth/token/create", json!({"policies": ["default"]})).await.ok();
        let token = cluster.nodes[standby].client().with_token(made["auth"]["client_token"].as_str().unwrap());
        assert_eq!(token.get("/v1/auth/token/lookup-self").await.status, 200);
        revoker.post("/v1/sys/leases/revoke-prefix/auth/token/create", json!({})).await.ok();
        assert_eq!(token.get("/v1/auth/token/lookup-self").await.status, 403, "round {round}");
    }
    let nodes = until("the active node should have heard from the others", async || {
        let status = there.get("/v1/sys/ha-status").await.ok();
        let nodes = status["nodes"].as_array().unwrap().clone();
        let heard = nodes.iter().filter(|node| node["last_echo"].is_string()).count();
        (heard == 2).then_some(nodes)
    })
    .await;
    assert_eq!(nodes.len(), 3);
    assert_eq!(nodes.iter().filter(|node| node["active_node"] == true).count(), 1);
}
