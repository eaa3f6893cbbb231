//! Quotas and the history of versions on a real cluster: what a standby refuses, what is the same everywhere.

use serde_json::json;

use crate::harness::{Cluster, Transport, until};

#[tokio::test(flavor = "multi_thread")]
async fn quotas_hold_on_every_node() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let leader = cluster.leader().await;
    let (active, standby) = (cluster.root(leader), cluster.root((leader + 1) % 3));
    active.post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
    let switches = json!({"enable_rate_limit_response_headers": true});
    active.post("/v1/sys/quotas/config", switches).await.ok();
    let rule = json!({"rate": 2, "interval": "3600s", "path": "kv"});
    active.post("/v1/sys/quotas/rate-limit/kv", rule).await.ok();

    // Reads, which a standby answers, and writes, which it sends on, are one allowance there.
    let first = until("the standby should know the rule", async || {
        let read = standby.get("/v1/kv/a").await;
        read.headers.contains_key("x-ratelimit-limit").then_some(read)
    })
    .await;
    assert_eq!((first.status, first.headers["x-ratelimit-remaining"].to_str().unwrap()), (404, "1"));
    let second = standby.post("/v1/kv/a", json!({"x": 1})).await;
    assert_eq!((second.status, second.headers["x-ratelimit-remaining"].to_str().unwrap()), (204, "0"));
    for refused in [standby.get("/v1/kv/a").await, standby.post("/v1/kv/a", json!({"x": 2})).await] {
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(refused.error(), "request path \"kv/a\": rate limit quota exceeded");
        assert!(refused.headers.contains_key("retry-after"));
    }
    let batch = json!({"operations": [{"operation": "read", "path": "kv/a"}]});
    assert_eq!(standby.post("/v1/sys/batch", batch).await.status, 429, "a batch goes around no limit");
    // Nothing of that has counted at the active node.
    let own = active.get("/v1/kv/a").await;
    assert_eq!((own.status, own.headers["x-ratelimit-remaining"].to_str().unwrap()), (200, "1"));

    // The number of leases is the cluster's, and goes on with the next active node.
    let quota = "/v1/sys/quotas/lease-count/tokens";
    active.post(quota, json!({"max_leases": 2, "path": "auth/token"})).await.ok();
    until("no lease should be left uncounted", async || {
        active.get(quota).await.ok()["data"]["settling"].is_null().then_some(())
    })
    .await;
    standby.post("/v1/auth/token/create", json!({"policies": ["default"]})).await.ok();
    active.post("/v1/sys/step-down", json!({})).await.ok();
    until("another node should lead", async || {
        let health = standby.get("/v1/sys/leader").await.body;
        (health["leader_address"].as_str() != Some(cluster.nodes[leader].url().as_str())
            && health["ha_enabled"] == true)
            .then_some(())
    })
    .await;
    standby.post("/v1/auth/token/create", json!({"policies": ["default"]})).await.ok();
    let refused = standby.post("/v1/auth/token/create", json!({"policies": ["default"]})).await;
    assert_eq!((refused.status, refused.error().contains("lease count")), (429, true), "{}", refused.body);
    assert_eq!(standby.get(quota).await.ok()["data"]["counter"], 2);

    // Whoever leads, the version came once.
    let history = standby.list("/v1/sys/version-history").await.ok()["data"].clone();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(history["keys"], json!([version]));
    for index in 0..3 {
        assert_eq!(cluster.root(index).list("/v1/sys/version-history").await.ok()["data"], history);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_limited_by_their_role() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let client = cluster.root(0);
    client.post("/v1/sys/auth/ar", json!({"type": "approle"})).await.ok();
    let mut logins = Vec::new();
    for role in ["web", "db"] {
        let at = format!("/v1/auth/ar/role/{role}");
        client.post(&at, json!({"policies": "default"})).await.ok();
        let role_id = client.get(&format!("{at}/role-id")).await.ok()["data"]["role_id"].clone();
        let secret_id = client.post(&format!("{at}/secret-id"), json!({})).await.ok()["data"]["secret_id"].clone();
        logins.push(json!({"role_id": role_id, "secret_id": secret_id}));
    }
    let rule = json!({"rate": 1, "interval": "1h", "path": "auth/ar", "role": "web"});
    client.post("/v1/sys/quotas/rate-limit/web", rule).await.ok();
    let log_in = async |credentials: &serde_json::Value| {
        cluster.nodes[0].client().post("/v1/auth/ar/login", credentials.clone()).await.status
    };
    assert_eq!((log_in(&logins[0]).await, log_in(&logins[0]).await), (200, 429));
    assert_eq!((log_in(&logins[1]).await, log_in(&logins[1]).await), (200, 200), "another role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_of_itself() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let client = cluster.root(0);
    let host = client.get("/v1/sys/host-info").await.ok();
    assert!(host["data"]["memory"]["total"].as_u64().unwrap() > 0, "{host}");
    assert_eq!(host["data"]["disk"].as_array().unwrap().len(), 1);
    let config = client.get("/v1/sys/config/state/sanitized").await.ok()["data"].clone();
    assert_eq!(config["api_addr"], cluster.nodes[0].url());
    assert_eq!((&config["storage"]["type"], &config["seals"][0]["type"]), (&json!("raft"), &json!("shamir")));

    let level = async |part: &str| client.get("/v1/sys/loggers").await.ok()["data"][part].clone();
    assert_eq!(level("core").await, "info");
    client.post("/v1/sys/loggers/core", json!({"level": "debug"})).await.ok();
    assert_eq!((level("core").await, level("http").await), (json!("debug"), json!("info")));
    let made = client.post("/v1/auth/token/create", json!({"policies": ["default"]})).await.ok();
    let poor = cluster.nodes[0].client().with_token(made["auth"]["client_token"].as_str().unwrap());
    assert!(!cluster.nodes[0].log().contains("denied by policy"));
    until("what that part says of a request should be in the log", async || {
        assert_eq!(poor.get("/v1/sys/mounts").await.status, 403);
        cluster.nodes[0].log().contains("denied by policy").then_some(())
    })
    .await;
    client.delete("/v1/sys/loggers/core").await.ok();
    assert_eq!(level("core").await, "info");
    assert_eq!(client.post("/v1/sys/loggers/nope", json!({"level": "info"})).await.status, 400);
    assert_eq!(client.post("/v1/sys/loggers", json!({"level": "loud"})).await.status, 400);
}
