//! What was written in confidence is found in no file: neither values nor names.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Cluster, Transport};

const VALUE: &str = "canary-value-5f1d3c";
const NAME: &str = "canary-name-8a2e41";

#[tokio::test]
async fn no_file_holds_a_value_or_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let more = json!({ "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }], "log_level": "debug" });
    let mut cluster = Cluster::configured(1, Transport::Plain, &more);
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    root.post(&format!("/v1/secret/data/{NAME}/deep"), json!({ "data": { "k": VALUE } })).await.ok();
    root.post(&format!("/v1/cubbyhole/{NAME}"), json!({ "k": VALUE })).await.ok();
    let policy = format!("path \"secret/{NAME}/*\" {{ capabilities = [\"read\"] }}");
    root.post(&format!("/v1/sys/policies/acl/{NAME}"), json!({ "policy": policy })).await.ok();
    let read = root.get(&format!("/v1/secret/data/{NAME}/deep")).await.ok();
    assert_eq!(read["data"]["data"]["k"], VALUE);
    let token = root.post("/v1/auth/token/create", json!({ "meta": { "m": VALUE } })).await.ok();
    let token = token["auth"]["client_token"].as_str().unwrap().to_owned();
    cluster.nodes[0].stop().await;

    let data = files(&cluster.nodes[0].data());
    assert!(data.len() > 5, "the data folder was searched: {data:?}");
    for file in &data {
        for canary in [VALUE, NAME, token.as_str()] {
            assert!(!holds(file, canary), "{} holds {canary}", file.display());
        }
    }
    let log = cluster.nodes[0].log();
    assert!(log.len() > 100, "the log was searched");
    assert!(![VALUE, NAME, &token].iter().any(|canary| log.contains(canary)), "the log holds a canary");
    let entries = fs::read_to_string(&audit).unwrap();
    assert!(entries.contains(NAME), "audit shows paths, so the search would have found something");
    assert!(entries.contains("hmac-sha256:"));
    assert!(!entries.contains(VALUE) && !entries.contains(&token), "the audit file holds a canary");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
