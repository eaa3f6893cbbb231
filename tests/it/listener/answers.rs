//! What is on every answer, what is asked of every request, and what is left out of a node's status.

use serde_json::json;

use super::{exchange, listening, plain, request, status};
use crate::harness::{Cluster, Transport, until};

#[tokio::test]
async fn headers_of_the_configuration_and_of_the_node() {
    let headers = json!({ "custom_response_headers": {
        "default": { "X-All": ["everywhere"], "Strict-Transport-Security": ["max-age=1", "includeSubDomains"] },
        "4xx": { "X-All": "bad" }, "404": { "X-Missing": ["404"], "X-Vault-Hostname": ["not taken"] } } });
    let top = json!({ "enable_response_header_hostname": true, "enable_response_header_raft_node_id": true });
    let cluster = listening(Transport::Plain, headers, top).await;
    let client = cluster.nodes[0].client();
    let good = client.get("/v1/sys/seal-status").await.headers;
    assert_eq!(good["x-all"], "everywhere");
    assert_eq!(good["strict-transport-security"], "max-age=1; includeSubDomains");
    assert_eq!(good["x-vault-raft-node-id"], "node1");
    assert!(!good["x-vault-hostname"].is_empty() && !good.contains_key("x-missing"));
    let bad = client.get("/nowhere").await.headers;
    assert_eq!((&bad["x-all"], &bad["x-missing"]), (&"bad".parse().unwrap(), &"404".parse().unwrap()));
    assert_ne!(bad["x-vault-hostname"], "not taken");
    assert!(cluster.nodes[0].log().contains("X-Vault-Hostname is the server's own"));
}

#[tokio::test]
async fn a_request_must_say_that_it_is_meant() {
    let cluster = listening(Transport::Plain, json!({ "require_request_header": true }), json!({})).await;
    let bare = exchange(plain(&cluster).await, request("").as_bytes()).await;
    assert_eq!(status(&bare), Some(412), "{bare}");
    let meant = exchange(plain(&cluster).await, request("X-Vault-Request: true\r\n").as_bytes()).await;
    assert_eq!(status(&meant), Some(200), "{meant}");
}

#[tokio::test]
async fn strangers_are_told_neither_version_nor_name_nor_addresses() {
    let redacted = json!({ "redact_version": true, "redact_cluster_name": true, "redact_addresses": true });
    let mut cluster = listening(Transport::Plain, redacted, json!({ "cluster_name": "prod" })).await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.leader().await;
    let (stranger, root) = (cluster.nodes[0].client(), cluster.root(0));
    let forged = stranger.with_token("hvs.forged");
    let unseal = stranger.post("/v1/sys/unseal", json!({ "key": "AAAA" })).await;
    assert_eq!((&unseal.body["version"], &unseal.body["cluster_name"]), (&json!(""), &json!("")), "{unseal:?}");
    for (path, fields) in [
        ("/v1/sys/health", &["version", "cluster_name"][..]),
        ("/v1/sys/seal-status", &["version", "cluster_name"]),
        ("/v1/sys/leader", &["leader_address", "leader_cluster_address"]),
    ] {
        let (blank, still, full) = (stranger.get(path).await, forged.get(path).await, root.get(path).await);
        for field in fields {
            assert_eq!((&blank.body[field], &still.body[field]), (&json!(""), &json!("")), "{path} {field}");
            assert!(full.body[field].as_str().is_some_and(|text| !text.is_empty()), "{path} {field} {}", full.body);
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins() {
    let pages = json!({ "cors_enabled": true, "cors_allowed_origins": ["http://a.example"] });
    let cluster = listening(Transport::Plain, pages, json!({})).await;
    let ask = async |origin: &str| {
        exchange(plain(&cluster).await, request(&format!("Origin: {origin}\r\n")).as_bytes()).await
    };
    let allowed = ask("http://a.example").await;
    assert!(allowed.contains("access-control-allow-origin: http://a.example"), "{allowed}");
    assert_eq!(status(&ask("http://b.example").await), Some(403));
}

#[tokio::test]
async fn rules_for_pages_hold_on_every_node() {
    let cluster = Cluster::serving(2, Transport::Plain).await;
    let root = cluster.root(cluster.leader().await);
    root.post("/v1/sys/config/cors", json!({ "allowed_origins": "http://a.example" })).await.ok();
    for node in &cluster.nodes {
        until("a node should know the rules", async || {
            let refused = node.client().with_header("Origin", "http://b.example").get("/v1/sys/health").await;
            (refused.status == 403).then_some(())
        })
        .await;
        let allowed = node.client().with_header("Origin", "http://a.example").get("/v1/sys/health").await;
        assert_eq!(allowed.headers["access-control-allow-origin"], "http://a.example");
    }
    root.delete("/v1/sys/config/cors").await.ok();
    let client = root.with_header("Origin", "http://b.example");
    assert_eq!(client.get("/v1/sys/health").await.status, 200);
}
