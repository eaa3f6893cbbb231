//! New data keys, new shares, new root tokens, and seals that need nobody: after each, every node is started anew, and
//! exactly the shares that must unseal do, and everything written before and after is there.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};

/// Writes a secret of this name through one node.
async fn write(client: &Client, name: &str) {
    client.post(&format!("/v1/secret/data/{name}"), json!({ "data": { "is": name } })).await.ok();
}

/// Reads the secrets through every node.
async fn read_everywhere(cluster: &Cluster, names: &[&str]) {
    for index in 0..cluster.nodes.len() {
        for name in names {
            let read = cluster.root(index).get(&format!("/v1/secret/data/{name}")).await.ok();
            assert_eq!(read["data"]["data"]["is"], *name, "node {index}");
        }
    }
}

async fn with_secrets(cluster: &Cluster) {
    let mount = json!({ "type": "kv", "options": { "version": "2" } });
    cluster.root(cluster.leader().await).post("/v1/sys/mounts/secret", mount).await.ok();
}

/// Stops every node, then starts every node.
async fn restart(cluster: &mut Cluster) {
    for node in &mut cluster.nodes {
        node.stop().await;
    }
    for node in &mut cluster.nodes {
        node.start().await;
    }
}

async fn unseal_all(cluster: &Cluster) {
    for index in 0..cluster.nodes.len() {
        cluster.unseal(index).await;
    }
    for index in 0..cluster.nodes.len() {
        cluster.serves(index).await;
    }
}

/// Gives these shares to a sealed node, of which they must not unseal any.
async fn refused_everywhere(cluster: &Cluster, shares: &[String]) {
    for (index, node) in cluster.nodes.iter().enumerate() {
        let mut last = None;
        for share in shares {
            last = Some(node.client().post("/v1/sys/unseal", json!({ "key": share })).await);
        }
        let last = last.unwrap();
        assert_eq!(last.status, 400, "node {index}: {}", last.body);
        node.client().post("/v1/sys/unseal", json!({ "reset": true })).await.ok();
        let status = node.client().get("/v1/sys/seal-status").await.ok();
        assert_eq!((&status["sealed"], &status["progress"]), (&json!(true), &json!(0)), "node {index}");
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Starts an attempt and gives the present shares; the last answer.
async fn ceremony(client: &Client, start: &str, update: &str, asked: Value, shares: &[String]) -> (Value, Value) {
    let started = client.post(start, asked).await.ok();
    let mut last = Value::Null;
    for share in shares {
        last = client.post(update, json!({ "key": share, "nonce": started["nonce"] })).await.ok();
    }
    assert_eq!(last["complete"], true, "{last}");
    (started, last)
}

#[tokio::test]
async fn a_new_data_key_is_taken_over_by_every_node() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    with_secrets(&cluster).await;
    let standby = cluster.standbys().await[0];
    // One node is sealed while it happens.
    let sealed = cluster.standbys().await[1];
    assert_eq!(cluster.root(sealed).send("PUT", "/v1/sys/seal", None).await.status, 204);
    write(&cluster.root(standby), "before").await;
    cluster.root(standby).post("/v1/sys/rotate", json!({})).await.ok();
    write(&cluster.root(standby), "after").await;
    cluster.unseal(sealed).await;
    cluster.serves(sealed).await;
    read_everywhere(&cluster, &["before", "after"]).await;
    let status = cluster.root(standby).get("/v1/sys/key-status").await.ok();
    assert_eq!(status["data"]["term"], 2);

    // The next leader writes with the new key, too, and can rotate again.
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/step-down", json!({})).await.ok();
    until("another node should be active", async || (cluster.leader().await != leader).then_some(())).await;
    cluster.root(leader).post("/v1/sys/rotate/keyring", json!({})).await.ok();
    write(&cluster.root(leader), "again").await;
    let status = cluster.root(leader).get("/v1/sys/key-status").await.ok();
    assert_eq!(status["term"], 3);

    restart(&mut cluster).await;
    unseal_all(&cluster).await;
    read_everywhere(&cluster, &["before", "after", "again"]).await;

    let config = cluster.root(0).get("/v1/sys/rotate/config").await.ok();
    assert_eq!(config["data"], json!({ "max_operations": 3_865_470_566_u64, "interval": 0, "enabled": true }));
    for wrong in [json!({ "max_operations": 999_999 }), json!({ "interval": "23h" })] {
        assert_eq!(cluster.root(0).post("/v1/sys/rotate/config", wrong).await.status, 400);
    }
    cluster.root(0).post("/v1/sys/rotate/keyring/config", json!({ "interval": "48h" })).await.ok();
    let config = cluster.root(1).get("/v1/sys/rotate/config").await.ok();
    assert_eq!(config["data"]["interval"], 172_800);
}

#[tokio::test]
async fn new_shares_count_on_every_node_and_old_ones_on_none() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    with_secrets(&cluster).await;
    let through = cluster.root(cluster.standbys().await[0]);
    write(&through, "before").await;
    let denied = cluster.nodes[0].client().post("/v1/sys/rekey/init", json!({ "secret_shares": 1 })).await;
    assert_eq!((denied.status, denied.error()), (403, "permission denied"), "needs a token by default");

    let old = cluster.keys.as_ref().unwrap().unseal.clone();
    let asked = json!({ "secret_shares": 5, "secret_threshold": 3 });
    let (_, done) = ceremony(&through, "/v1/sys/rekey/init", "/v1/sys/rekey/update", asked, &old[..2]).await;
    let new = texts(&done["keys_base64"]);
    write(&through, "after").await;
    restart(&mut cluster).await;
    refused_everywhere(&cluster, &old).await;
    let keys = cluster.keys.as_mut().unwrap();
    (keys.unseal, keys.threshold) = (new.clone(), 3);
    unseal_all(&cluster).await;
    read_everywhere(&cluster, &["before", "after"]).await;

    // With verification: not verified, the present ones hold.
    let through = cluster.root(cluster.standbys().await[1]);
    let asked = json!({ "secret_shares": 2, "secret_threshold": 2, "require_verification": true });
    let started = through.post("/v1/sys/rotate/root/init", asked).await.ok();
    let mut done = Value::Null;
    for share in &new[..3] {
        let update = json!({ "key": share, "nonce": started["data"]["nonce"] });
        done = through.post("/v1/sys/rotate/root/update", update).await.ok();
    }
    let newest = texts(&done["data"]["keys"]);
    let node = &cluster.nodes[cluster.standbys().await[0]];
    node.client().with_token(&cluster.keys.as_ref().unwrap().root).send("PUT", "/v1/sys/seal", None).await;
    for share in &new[2..] {
        node.client().post("/v1/sys/unseal", json!({ "key": share })).await.ok();
    }
    assert_eq!(node.client().get("/v1/sys/seal-status").await.ok()["sealed"], false);

    for share in &newest {
        let verify = json!({ "key": share, "nonce": done["data"]["verification_nonce"] });
        through.post("/v1/sys/rotate/root/verify", verify).await.ok();
    }
    write(&through, "verified").await;
    restart(&mut cluster).await;
    refused_everywhere(&cluster, &new[..2]).await;
    let keys = cluster.keys.as_mut().unwrap();
    (keys.unseal, keys.threshold) = (newest, 2);
    unseal_all(&cluster).await;
    read_everywhere(&cluster, &["before", "after", "verified"]).await;
}

#[tokio::test]
async fn enough_operators_make_a_root_token() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    with_secrets(&cluster).await;
    let through = cluster.root(cluster.standbys().await[0]);
    write(&through, "before").await;
    let shares = cluster.keys.as_ref().unwrap().unseal.clone();
    let paths = ("/v1/sys/generate-root/attempt", "/v1/sys/generate-root/update");
    let (started, done) = ceremony(&through, paths.0, paths.1, json!({}), &shares[1..]).await;
    let mixed = BASE64_STANDARD_NO_PAD.decode(done["encoded_token"].as_str().unwrap()).unwrap();
    let otp = started["otp"].as_str().unwrap().bytes();
    let token = String::from_utf8(mixed.iter().zip(otp).map(|(a, b)| a ^ b).collect()).unwrap();

    restart(&mut cluster).await;
    unseal_all(&cluster).await;
    cluster.root(0).post("/v1/auth/token/revoke-self", json!({})).await.ok();
    cluster.keys.as_mut().unwrap().root = token;
    write(&cluster.root(1), "after").await;
    read_everywhere(&cluster, &["before", "after"]).await;
}

#[tokio::test]
async fn nodes_with_a_static_key_need_nobody() {
    let seal = |key: char, more: Value| {
        let mut fields = json!({ "current_key_id": format!("key-{key}"), "current_key": key.to_string().repeat(64) });
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        json!({ "seal": [{ "static": fields }] })
    };
    let mut cluster = Cluster::configured(3, Transport::Plain, &seal('a', json!({})));
    for node in &mut cluster.nodes {
        node.start().await;
    }
    let refused = cluster.nodes[0].client().post("/v1/sys/init", json!({ "secret_shares": 1 })).await;
    assert_eq!(refused.error(), "parameters secret_shares not applicable to seal type static");
    let asked = json!({ "recovery_shares": 3, "recovery_threshold": 2 });
    let made = cluster.nodes[0].client().post("/v1/sys/init", asked).await.ok();
    let recovery = texts(&made["recovery_keys_base64"]);
    assert_eq!((recovery.len(), &made["keys"]), (3, &json!([])));
    cluster.keys = Some(crate::harness::Keys {
        unseal: recovery.clone(),
        threshold: 2,
        root: made["root_token"].as_str().unwrap().to_owned(),
    });
    // Nobody unseals or joins anything.
    for index in 0..3 {
        cluster.serves(index).await;
    }
    cluster.all_vote().await;
    with_secrets(&cluster).await;
    write(&cluster.root(1), "before").await;
    let status = cluster.nodes[2].client().get("/v1/sys/seal-status").await.ok();
    assert_eq!(
        (&status["type"], &status["recovery_seal"], &status["t"], &status["n"], &status["sealed"]),
        (&json!("static"), &json!(true), &json!(2), &json!(3), &json!(false))
    );

    restart(&mut cluster).await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
    read_everywhere(&cluster, &["before"]).await;

    // Sealed by request it stays so until recovery keys come.
    let standby = cluster.standbys().await[0];
    assert_eq!(cluster.root(standby).send("PUT", "/v1/sys/seal", None).await.status, 204);
    cluster.unseal(standby).await;
    cluster.serves(standby).await;

    // Another key, with the former beside it; then the new one alone.
    for index in 0..3 {
        cluster.configure(index, &seal('b', json!({ "previous_key_id": "key-a", "previous_key": "a".repeat(64) })));
    }
    restart(&mut cluster).await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
    write(&cluster.root(0), "after").await;
    until("the root key should be wrapped by the new key", async || {
        let log: String = cluster.nodes.iter().map(|node| node.log()).collect();
        let mut lines = log.lines().filter(|line| line.contains("the root key was wrapped by a seal"));
        lines.any(|line| line.contains("key-b")).then_some(())
    })
    .await;
    for index in 0..3 {
        cluster.configure(index, &seal('b', json!({})));
    }
    restart(&mut cluster).await;
    for index in 0..3 {
        cluster.serves(index).await;
    }
    read_everywhere(&cluster, &["before", "after"]).await;
}
