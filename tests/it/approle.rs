//! Machines log in: exact counts on a cluster, nothing of a secret ID in logs.

use std::fs;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport};

async fn role(root: &Client, settings: Value) {
    root.post("/v1/sys/auth/approle", json!({ "type": "approle" })).await.ok();
    root.post("/v1/auth/approle/role/app", settings).await.ok();
}

async fn secret_id(root: &Client, terms: Value) -> String {
    let made = root.post("/v1/auth/approle/role/app/secret-id", terms).await.ok();
    made["data"]["secret_id"].as_str().unwrap().to_owned()
}

/// Fifty at once, through all three nodes.
#[tokio::test]
async fn a_secret_id_with_five_uses_logs_in_five_times() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let root = cluster.root(cluster.leader().await);
    role(&root, json!({ "role_id": "rid", "secret_id_num_uses": 5 })).await;
    let never = json!({ "user_lockout_config": { "lockout_disable": true } });
    root.post("/v1/sys/auth/approle/tune", never).await.ok();
    for round in 0..3 {
        let credentials = json!({ "role_id": "rid", "secret_id": secret_id(&root, json!({})).await });
        let clients: Vec<Client> = (0..50).map(|n| cluster.nodes[n % 3].client()).collect();
        let logins = clients.iter().map(|client| client.post("/v1/auth/approle/login", credentials.clone()));
        let answers = join_all(logins).await;
        let logged_in = answers.iter().filter(|answer| answer.status == 200).count();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(logged_in, 5, "round {round}: {statuses:?}");
        assert!(statuses.iter().all(|status| [200, 400].contains(status)), "round {round}: {statuses:?}");
        let left = root.list("/v1/auth/approle/role/app/secret-id").await;
        assert_eq!(left.status, 404, "the last use took it away");
    }
}

/// Guesses with spaces around the role's ID are guesses at the same role.
#[tokio::test]
async fn guessing_locks_a_role_out_however_its_id_is_written() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    role(&root, json!({ "role_id": "rid" })).await;
    let right = secret_id(&root, json!({})).await;
    let client = cluster.nodes[0].client();
    for guess in ["rid", " rid", "rid ", " rid ", "\trid"] {
        let wrong = json!({ "role_id": guess, "secret_id": "wrong" });
        assert_eq!(client.post("/v1/auth/approle/login", wrong).await.status, 400, "{guess:?}");
    }
    let late = json!({ "role_id": "rid  ", "secret_id": right });
    assert_eq!(client.post("/v1/auth/approle/login", late).await.status, 403);
}

#[tokio::test]
async fn no_file_holds_a_role_id_or_a_secret_id() {
    let folder = tempfile::tempdir().unwrap();
    let (mut cluster, audit) = crate::secrecy::telling_all(folder.path()).await;
    let root = cluster.root(0);
    role(&root, json!({ "role_id": "canary-role-4c1d" })).await;
    let made = secret_id(&root, json!({})).await;
    let chosen = "canary-secret-77e0".to_owned();
    let custom = json!({ "secret_id": chosen });
    root.post("/v1/auth/approle/role/app/custom-secret-id", custom.clone()).await.ok();
    root.get("/v1/auth/approle/role/app/role-id").await.ok();
    root.post("/v1/auth/approle/role/app/secret-id/lookup", custom).await.ok();
    let client = cluster.nodes[0].client();
    for secret_id in [&made, &chosen] {
        let credentials = json!({ "role_id": "canary-role-4c1d", "secret_id": secret_id });
        client.post("/v1/auth/approle/login", credentials).await.ok();
    }
    let wrong = json!({ "role_id": "canary-role-4c1d", "secret_id": "canary-wrong-12ab" });
    assert_eq!(client.post("/v1/auth/approle/login", wrong).await.status, 400);
    // What is asked for by mistake as an accessor is not repeated in a refusal.
    let mistaken = json!({ "secret_id_accessor": chosen });
    assert_eq!(root.post("/v1/auth/approle/role/app/secret-id-accessor/destroy", mistaken).await.status, 400);
    cluster.nodes[0].stop().await;

    let canaries = ["canary-role-4c1d", made.as_str(), chosen.as_str(), "canary-wrong-12ab"];
    let entries = fs::read_to_string(&audit).unwrap();
    assert!(entries.contains("auth/approle/login") && entries.contains("hmac-sha256:"));
    let log = cluster.nodes[0].log();
    assert!(log.len() > 100, "the log was searched");
    for canary in canaries {
        assert!(!entries.contains(canary), "the audit file holds {canary}");
        assert!(!log.contains(canary), "the log holds {canary}");
        for file in crate::secrecy::files(&cluster.nodes[0].data()) {
            assert!(!crate::secrecy::holds(&file, canary), "{} holds {canary}", file.display());
        }
    }
}
