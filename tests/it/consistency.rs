//! The headers by which clients say how fresh an answer has to be, and where they want it from.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Cluster, Transport, until};

#[tokio::test]
async fn an_index_a_stale_read_and_where_a_request_goes() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let token = cluster.keys.as_ref().unwrap().root.clone();
    let url = cluster.nodes[standby].url();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = http.request(method, format!("{url}/v1/{path}")).header("X-Vault-Token", &token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.json(&json!({ "v": "1" })).send()
    };

    let written = ask("POST", "kv/a", &[]).await.unwrap();
    assert_eq!(written.status(), 204);
    let index = written.headers()["x-vault-index"].to_str().unwrap().to_owned();
    for more in [vec![], vec![("X-Holdfast-Consistency", "stale"), ("X-Vault-Inconsistent", "forward-active-node")]] {
        let headers: Vec<_> = [vec![("X-Vault-Index", index.as_str())], more].concat();
        let read = ask("GET", "kv/a", &headers).await.unwrap();
        assert_eq!(read.status(), 200, "{headers:?}");
    }
    assert_eq!(ask("GET", "kv/a", &[("X-Vault-Index", "nonsense")]).await.unwrap().status(), 400);
    assert_eq!(ask("GET", "kv/a", &[("X-Holdfast-Consistency", "fresh")]).await.unwrap().status(), 400);

    // The standby answers a read itself; a write it would have to forward is redirected instead where the client says so.
    let redirected = ask("POST", "kv/b?x=y", &[("X-Vault-No-Request-Forwarding", "1")]).await.unwrap();
    assert_eq!(redirected.status(), 307);
    let target = format!("{}/v1/kv/b?x=y", cluster.nodes[leader].url());
    assert_eq!(redirected.headers()["location"].to_str().unwrap(), target);
    assert_eq!(ask("GET", "kv/a", &[("X-Vault-Forward", "active-node")]).await.unwrap().status(), 200);

    // Without a quorum nothing fresh is read; what this node has is.
    let others: Vec<usize> = (0..3).filter(|index| *index != standby).collect();
    for index in others {
        cluster.nodes[index].kill();
    }
    until("the lost leader should be noticed", async || {
        cluster.nodes[standby].client().health().await.filter(|status| *status == 429)
    })
    .await;
    let read = ask("GET", "kv/a", &[("X-Holdfast-Consistency", "stale")]).await.unwrap();
    assert_eq!(read.status(), 200);
    assert_eq!(read.headers()["x-vault-index"].to_str().unwrap(), index);
}

#[tokio::test]
async fn stale_reads_end_at_a_leader_that_is_left_alone() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    cluster.root(leader).post("/v1/kv/a", json!({ "v": "1" })).await.ok();
    let token = cluster.keys.as_ref().unwrap().root.clone();
    let url = format!("{}/v1/kv/a", cluster.nodes[leader].url());
    for standby in cluster.standbys().await {
        cluster.nodes[standby].kill();
    }
    let http = reqwest::Client::new();
    let read = async || {
        let request = http.get(&url).header("X-Vault-Token", &token).header("X-Holdfast-Consistency", "stale");
        request.timeout(Duration::from_secs(40)).send().await.ok().map(|answer| answer.status().as_u16())
    };
    assert_eq!(read().await, Some(200), "what it has is recent");
    // What is too old is read as ever, which waits for a leader, and there is none.
    until("stale reads should end", async || (read().await == Some(503)).then_some(())).await;
}
