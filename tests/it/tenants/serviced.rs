//! Namespaces that a key service opens, in a cluster whose own key is in shares. The service is the transit engine of another
//! cluster.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};
use crate::seals::{Kms, found};

const TREASURE: &str = "a-treasure-of-77e2";

/// Whose token outlives whatever a test takes.
async fn service() -> Kms {
    let mut kms = Kms::start(Transport::Tls).await;
    let token = json!({"policies": ["unseal"], "period": "1h"});
    let made = kms.cluster.root(0).post("/v1/auth/token/create-orphan", token).await.ok();
    kms.token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    kms
}

fn transit(kms: &Kms, more: &Value) -> Value {
    let mut block = json!({
        "address": kms.cluster.nodes[0].url(),
        "token": kms.token,
        "key_name": "unseal",
        "mount_path": "transit",
    });
    for (key, value) in more.as_object().unwrap() {
        block[key] = value.clone();
    }
    json!({"seal": json!({"seal": {"transit": block}}).to_string()})
}

async fn cluster(size: usize, kms: &Kms, more: &Value) -> Cluster {
    let mut cluster = Cluster::configured(size, Transport::Plain, more);
    for node in &mut cluster.nodes {
        node.trusts(kms.cluster.ca().unwrap());
    }
    cluster.brought_up(3, 2).await
}

async fn restart(cluster: &mut Cluster) {
    for node in &mut cluster.nodes {
        node.stop().await;
    }
    for node in &mut cluster.nodes {
        node.start().await;
    }
    for index in 0..cluster.nodes.len() {
        cluster.unseal(index).await;
    }
    cluster.leader().await;
    for index in 0..cluster.nodes.len() {
        cluster.serves(index).await;
    }
}

fn roots(cluster: &Cluster) -> Vec<Client> {
    (0..cluster.nodes.len()).map(|index| cluster.root(index)).collect()
}

async fn is_open(cluster: &Cluster, name: &str) {
    for root in roots(cluster) {
        until(&format!("{name} should be served"), async || {
            let answer = root.within(name).get("/v1/kv/x").await;
            (answer.status == 200 && answer.body["data"]["v"] == TREASURE).then_some(())
        })
        .await;
    }
}

async fn is_sealed(cluster: &Cluster, name: &str) {
    for root in roots(cluster) {
        let answer = root.within(name).get("/v1/kv/x").await;
        assert_eq!((answer.status, answer.error()), (503, "namespace is sealed"), "{}", answer.body);
        assert_eq!(root.within("plain").get("/v1/kv/x").await.status, 200);
    }
}

async fn fill(root: &Client, name: &str) {
    let inside = root.within(name);
    inside.post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
    inside.post("/v1/kv/x", json!({"v": TREASURE})).await.ok();
}

async fn status(root: &Client, name: &str) -> Value {
    root.get(&format!("/v1/sys/namespaces/{name}/seal-status")).await.ok()["data"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_service_opens_a_namespace_again_after_all_nodes_were_down() {
    let mut kms = service().await;
    let mut cluster = cluster(3, &kms, &json!({})).await;
    let standby = cluster.root(cluster.standbys().await[0]);
    standby.post("/v1/sys/namespaces/plain", json!({})).await.ok();
    fill(&standby, "plain").await;
    let made = standby.post("/v1/sys/namespaces/vault", transit(&kms, &json!({}))).await.ok();
    let shares: Vec<String> =
        made["data"]["key_shares"].as_array().unwrap().iter().map(|share| share.as_str().unwrap().to_owned()).collect();
    assert_eq!(shares.len(), 1);
    // Open at once, and to whoever asks.
    fill(&cluster.root(cluster.standbys().await[1]), "vault").await;
    is_open(&cluster, "vault").await;
    let shown = status(&standby, "vault").await;
    assert_eq!(
        (&shown["type"], &shown["sealed"], &shown["service_answers"]),
        (&json!("transit"), &json!(false), &json!(true))
    );
    for path in ["/v1/sys/namespaces/vault", "/v1/sys/namespaces?list=true", "/v1/sys/namespaces/vault/seal-status"] {
        assert!(!standby.get(path).await.body.to_string().contains(&kms.token), "{path}");
    }
    let again = standby.post("/v1/sys/namespaces/vault", transit(&kms, &json!({"token": "other"}))).await;
    assert_eq!((again.status, again.error()), (400, "cannot modify existing namespace seal config"));

    until("its token should be kept alive", async || {
        let own = json!({"token": kms.token});
        let known = kms.cluster.root(0).post("/v1/auth/token/lookup", own).await.ok();
        (!known["data"]["last_renewal_time"].is_null()).then_some(())
    })
    .await;

    // Who leads next has the keys from the others, and goes on.
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/step-down", json!({})).await;
    until("another node should lead", async || (cluster.leader().await != leader).then_some(())).await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
    is_open(&cluster, "vault").await;

    for node in &mut cluster.nodes {
        node.stop().await;
    }
    let share = hex::decode(&shares[0]).unwrap();
    for secret in [TREASURE.as_bytes(), kms.token.as_bytes(), &share] {
        assert_eq!(found(cluster.folder(), secret), None, "{}", BASE64_STANDARD.encode(secret));
    }
    for node in &mut cluster.nodes {
        node.start().await;
    }
    // The service is away: that one waits, and nobody else.
    kms.vanish();
    for index in 0..3 {
        cluster.unseal(index).await;
    }
    cluster.leader().await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
    let leader = cluster.leader().await;
    until("the key service should have been asked", async || {
        cluster.nodes[leader].log().contains("a namespace is not opened by its key service").then_some(())
    })
    .await;
    is_sealed(&cluster, "vault").await;
    let root = cluster.root(0);
    let shown = status(&root, "vault").await;
    assert_eq!((&shown["sealed"], &shown["service_answers"]), (&json!(true), &json!(false)), "{shown}");
    assert!(shown["service_problem"].is_string());
    root.within("plain").post("/v1/kv/x", json!({"v": TREASURE})).await.ok();
    let refused = root.post("/v1/sys/namespaces/vault/unseal", json!({})).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    kms.come_back().await;
    is_open(&cluster, "vault").await;
    assert!(!cluster.nodes.iter().any(|node| node.log().contains(&kms.token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_somebody_has_sealed_stays_so_until_somebody_unseals_it() {
    let mut kms = service().await;
    let mut cluster = cluster(1, &kms, &json!({})).await;
    let root = cluster.root(0);
    root.post("/v1/sys/namespaces/plain", json!({})).await.ok();
    fill(&root, "plain").await;
    let made = root.post("/v1/sys/namespaces/vault", transit(&kms, &json!({"shares": 2, "threshold": 2}))).await.ok();
    root.post("/v1/sys/namespaces/other", transit(&kms, &json!({}))).await.ok();
    for name in ["vault", "other"] {
        fill(&root, name).await;
    }
    assert_eq!(root.post("/v1/sys/namespaces/vault/seal", json!({})).await.status, 204);
    is_sealed(&cluster, "vault").await;
    restart(&mut cluster).await;
    is_open(&cluster, "other").await;
    is_sealed(&cluster, "vault").await;
    let root = cluster.root(0);
    assert_eq!(status(&root, "vault").await["service_answers"], json!(true));
    let opened = root.post("/v1/sys/namespaces/vault/unseal", json!({})).await.ok();
    assert_eq!(opened["data"]["sealed"], false, "{opened}");
    is_open(&cluster, "vault").await;

    // Its shares open it too, and may be others.
    let shares: Vec<&str> =
        made["data"]["key_shares"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert_eq!(root.post("/v1/sys/namespaces/vault/seal", json!({})).await.status, 204);
    kms.vanish();
    for share in &shares {
        root.post("/v1/sys/namespaces/vault/unseal", json!({"key": share})).await.ok();
    }
    is_open(&cluster, "vault").await;
    let rekeyed = json!({"keys": shares, "shares": 1, "threshold": 1});
    let new = root.post("/v1/sys/namespaces/vault/rekey", rekeyed).await.ok();
    let verified = json!({"keys": new["data"]["key_shares"]});
    assert_eq!(root.post("/v1/sys/namespaces/vault/rekey/verify", verified).await.status, 204);
    kms.come_back().await;
    restart(&mut cluster).await;
    is_open(&cluster, "vault").await;
    let root = cluster.root(0);
    assert_eq!(root.delete("/v1/sys/namespaces/vault").await.status, 200);
    until("the namespace should be gone", async || {
        (root.get("/v1/sys/namespaces/vault").await.status == 404).then_some(())
    })
    .await;
}

/// By the shares, and only if the key there is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_service_gets_another_token_by_the_shares() {
    let kms = service().await;
    let mut cluster = cluster(1, &kms, &json!({})).await;
    let root = cluster.root(0);
    root.post("/v1/sys/namespaces/plain", json!({})).await.ok();
    fill(&root, "plain").await;
    let made = root.post("/v1/sys/namespaces/vault", transit(&kms, &json!({}))).await.ok();
    let keys = made["data"]["key_shares"].clone();
    fill(&root, "vault").await;
    let (theirs, path) = (kms.cluster.root(0), "/v1/sys/namespaces/vault/seal-config");
    theirs.post("/v1/auth/token/revoke", json!({"token": kms.token})).await;
    let refused = root.post("/v1/sys/namespaces/other", transit(&kms, &json!({}))).await;
    assert!(refused.status == 400 && refused.error().contains("the key service refused: 403"), "{}", refused.body);
    theirs.post("/v1/transit/keys/another", json!({})).await.ok();
    let token = theirs.token().unwrap().to_owned();
    let with = |more: Value, keys: &Value| {
        let mut body = transit(&kms, &more);
        body["keys"] = keys.clone();
        body
    };
    for body in [
        with(json!({"token": token}), &json!([])),
        with(json!({"token": token}), &json!(["00".repeat(33)])),
        with(json!({"token": "wrong"}), &keys),
        with(json!({"token": token, "key_name": "another"}), &keys),
    ] {
        let refused = root.post(path, body).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    restart(&mut cluster).await;
    is_sealed(&cluster, "vault").await;
    let root = cluster.root(0);
    let replaced = root.post(path, with(json!({"token": token}), &keys)).await;
    assert_eq!(replaced.status, 204, "{}", replaced.body);
    is_open(&cluster, "vault").await;
    assert_eq!(status(&root, "vault").await["service_answers"], json!(true));
}

/// What is refused leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_has_asked_only_whom_it_may() {
    let kms = service().await;
    let host = kms.cluster.nodes[0].url().replace("https://", "");
    let key = "7".repeat(64);
    let offered =
        json!({"static": {"name": "tenants", "namespaces": "only", "current_key_id": "k1", "current_key": key}});
    let mut cluster = cluster(1, &kms, &json!({"seal": [offered]})).await;
    let root = cluster.root(0);
    root.post("/v1/sys/namespaces/plain", json!({})).await.ok();
    fill(&root, "plain").await;
    let named = |kind: &str, name: &str| json!({"seal": format!("seal \"{kind}\" {{ name = \"{name}\" }}")});
    for (body, says) in [
        (transit(&kms, &json!({"token": "wrong"})), "does not wrap"),
        (transit(&kms, &json!({"key_name": "none"})), "does not wrap"),
        (transit(&kms, &json!({"address": format!("http://{host}")})), "address must be"),
        (transit(&kms, &json!({"tls_ca_cert": "/etc/passwd"})), "nothing else"),
        (named("static", "static"), "offers namespaces no seal"),
        (named("transit", "tenants"), "offers namespaces no seal"),
    ] {
        let refused = root.post("/v1/sys/namespaces/vault", body).await;
        assert!(refused.status == 400 && refused.error().contains(says), "{says}: {}", refused.body);
        assert!(!refused.body.to_string().contains(&kms.token));
    }
    let away = root.post("/v1/sys/namespaces/vault", transit(&kms, &json!({"address": "https://127.0.0.1:9"}))).await;
    assert!(away.status == 503 && away.error().contains("does not wrap"), "{}", away.body);
    assert_eq!(root.get("/v1/sys/namespaces/vault").await.status, 404);
    let refused = root.within("plain").post("/v1/sys/namespaces/vault", transit(&kms, &json!({}))).await;
    assert!(refused.status == 400 && refused.error().contains("outbound_hosts"), "{}", refused.body);

    root.post("/v1/sys/namespaces/vault", named("static", "tenants")).await.ok();
    fill(&root, "vault").await;
    assert_eq!(status(&root, "vault").await["type"], json!("static"));
    restart(&mut cluster).await;
    is_open(&cluster, "vault").await;
    // With leave of the operator, and without the seal that was offered.
    cluster.configure(0, &json!({"outbound_hosts": [host]}));
    restart(&mut cluster).await;
    let root = cluster.root(0);
    root.within("plain").post("/v1/sys/namespaces/vault", transit(&kms, &json!({}))).await.ok();
    fill(&root, "plain/vault").await;
    is_open(&cluster, "plain/vault").await;
    until("the seal that is offered no more should have been asked for", async || {
        cluster.nodes[0].log().contains("offers namespaces no seal").then_some(())
    })
    .await;
    is_sealed(&cluster, "vault").await;
}
