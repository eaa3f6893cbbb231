//! A server in this process: what a checkpoint of its state gives away.

use std::fs;
use std::path::{Path, PathBuf};

use sdk::{Value, json};

use super::Server;
use crate::config::{Environment, Flags, Sources};

const VALUE: &str = "canary-value-77c1";
const NAME: &str = "canary-name-9b02";

async fn call(http: &reqwest::Client, url: String, token: &str, body: Value) -> Value {
    let answer = http.post(url).header("X-Vault-Token", token).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_holds_neither_value_nor_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.json");
    let settings = json!({
        "storage": {"raft": {"path": folder.path().join("data"), "node_id": "alone"}},
        "listener": [{"tcp": {"address": "127.0.0.1:0", "cluster_address": "127.0.0.1:0", "tls_disable": true}}],
        "api_addr": "http://127.0.0.1:1",
        "cluster_addr": "https://127.0.0.1:2",
        "disable_mlock": true,
    });
    fs::write(&file, settings.to_string()).unwrap();
    let sources = Sources { paths: vec![file], environment: Environment::default(), flags: Flags::default() };
    let config = sources.load().unwrap().config;
    let server = Server::start(config).await.unwrap();
    let base = format!("http://{}/v1", server.addresses()[0]);
    let http = reqwest::Client::new();

    let one_of_one = json!({"secret_shares": 1, "secret_threshold": 1});
    let made = call(&http, format!("{base}/sys/init"), "", one_of_one).await;
    let root = made["root_token"].as_str().unwrap().to_owned();
    call(&http, format!("{base}/sys/unseal"), "", json!({"key": made["keys"][0]})).await;
    call(&http, format!("{base}/sys/mounts/kv"), &root, json!({"type": "kv"})).await;
    call(&http, format!("{base}/kv/{NAME}"), &root, json!({"k": VALUE})).await;

    let checkpoint = folder.path().join("checkpoint");
    server.cluster.checkpoint(checkpoint.clone()).await.unwrap();
    server.stop().await;
    let files = files(&checkpoint);
    let size: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(files.len() > 3 && size > 1000, "the checkpoint was searched: {files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for canary in [VALUE, NAME, root.as_str()] {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds {canary}", file.display());
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
