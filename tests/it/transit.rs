//! A key of transit is one key, whichever node is asked; and a sealed node has none.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};
use crate::secrecy::memory_holds;

const TEXT: &str = "aGVsbG8gd29ybGQ=";

async fn with_transit() -> Cluster {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    cluster.root(0).post("/v1/sys/mounts/transit", json!({ "type": "transit" })).await.ok();
    cluster
}

fn nodes(cluster: &Cluster) -> Vec<Client> {
    (0..3).map(|index| cluster.root(index)).collect()
}

async fn does(node: &Client, path: &str, body: Value) -> Value {
    node.post(&format!("/v1/transit/{path}"), body).await.ok()["data"].clone()
}

#[tokio::test]
async fn what_one_node_encrypts_every_node_decrypts() {
    let cluster = with_transit().await;
    let (leader, standbys) = (cluster.leader().await, cluster.standbys().await);
    let all = nodes(&cluster);
    let (here, there) = (&all[standbys[0]], &all[standbys[1]]);

    // The key is made by encrypting, at a standby, which can only have the active node do that.
    let stays = here.with_header("X-Vault-No-Request-Forwarding", "1");
    let body = json!({ "plaintext": TEXT });
    assert_eq!(stays.post("/v1/transit/encrypt/k", body.clone()).await.status, 307);
    let first = does(here, "encrypt/k", body.clone()).await["ciphertext"].clone();
    for node in &all {
        assert_eq!(does(node, "decrypt/k", json!({ "ciphertext": first })).await["plaintext"], TEXT);
    }
    // From now on every node does it.
    assert_eq!(stays.post("/v1/transit/encrypt/k", body).await.status, 200);

    // Nobody uses what a key was before: not after a rotation, and not after a limit.
    does(here, "keys/k/rotate", json!({})).await;
    for node in &all {
        let again = does(node, "rewrap/k", json!({ "ciphertext": first })).await;
        assert!(again["ciphertext"].as_str().unwrap().starts_with("vault:v2:"), "{again}");
    }
    let second = does(there, "encrypt/k", json!({ "plaintext": TEXT })).await["ciphertext"].clone();
    does(&all[leader], "keys/k/config", json!({ "min_decryption_version": 2 })).await;
    for node in &all {
        let refused = node.post("/v1/transit/decrypt/k", json!({ "ciphertext": first })).await;
        assert_eq!((refused.status, refused.error().contains("too old")), (400, true), "{refused:?}");
        assert_eq!(does(node, "decrypt/k", json!({ "ciphertext": second })).await["plaintext"], TEXT);
    }
}

#[tokio::test]
async fn what_one_node_signs_every_node_verifies() {
    let cluster = with_transit().await;
    let all = nodes(&cluster);
    for kind in ["ed25519", "ecdsa-p384", "rsa-2048"] {
        does(&all[0], &format!("keys/{kind}"), json!({ "type": kind })).await;
        for node in &all {
            let signed = does(node, &format!("sign/{kind}"), json!({ "input": TEXT })).await;
            for other in &all {
                let claim = json!({ "input": TEXT, "signature": signed["signature"] });
                assert_eq!(does(other, &format!("verify/{kind}"), claim).await["valid"], true, "{kind}");
            }
        }
    }
}

/// Creating and updating are two capabilities, at every node.
#[tokio::test]
async fn who_may_only_update_makes_no_key() {
    let cluster = with_transit().await;
    let standby = cluster.standbys().await[0];
    let root = cluster.root(standby);
    let policy = r#"path "transit/encrypt/*" { capabilities = ["update"] }"#;
    root.post("/v1/sys/policies/acl/encrypts", json!({ "policy": policy })).await.ok();
    let token = root.post("/v1/auth/token/create", json!({ "policies": ["encrypts"] })).await.ok();
    let token = token["auth"]["client_token"].as_str().unwrap().to_owned();
    does(&root, "keys/there", json!({})).await;
    for node in nodes(&cluster) {
        let node = node.with_token(&token);
        let body = json!({ "plaintext": TEXT });
        assert_eq!(node.post("/v1/transit/encrypt/there", body.clone()).await.status, 200);
        assert_eq!(node.post("/v1/transit/encrypt/missing", body).await.status, 403);
    }
}

#[tokio::test]
async fn a_sealed_node_keeps_no_key() {
    let cluster = with_transit().await;
    let standby = cluster.standbys().await[0];
    let node = cluster.root(standby);
    let mut secrets = Vec::new();
    for (kind, what) in [("aes256-gcm96", "encryption-key"), ("ed25519", "signing-key"), ("ecdsa-p256", "hmac-key")] {
        does(&node, &format!("keys/{kind}"), json!({ "type": kind, "exportable": true })).await;
        let body = json!({ "plaintext": TEXT, "input": TEXT });
        let path = if kind == "aes256-gcm96" { format!("encrypt/{kind}") } else { format!("sign/{kind}") };
        does(&node, &path, body).await;
        let exported = node.get(&format!("/v1/transit/export/{what}/{kind}")).await.ok();
        let key = BASE64_STANDARD.decode(exported["data"]["keys"]["1"].as_str().unwrap()).unwrap();
        secrets.push(key[..32].to_vec());
    }
    let process = cluster.nodes[standby].process_id();
    assert!(memory_holds(process, &secrets[0]), "an unsealed node keeps a key that it has used");
    node.post("/v1/sys/seal", json!({})).await.ok();
    drop(node);
    until("the memory should be clean", async || {
        (!secrets.iter().any(|secret| memory_holds(process, secret))).then_some(())
    })
    .await;
}
