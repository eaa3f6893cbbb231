//! What was written in confidence is found in no file, neither values nor names, and in no memory of a sealed node.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;

use crate::harness::{Cluster, Transport, until};

const VALUE: &str = "canary-value-5f1d3c";
const NAME: &str = "canary-name-8a2e41";

/// A node that serves, logs in detail and audits into a file of this folder.
pub async fn telling_all(folder: &Path) -> (Cluster, PathBuf) {
    let audit = folder.join("audit.log");
    let more = json!({ "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }], "log_level": "debug" });
    let mut cluster = Cluster::configured(1, Transport::Plain, &more);
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    (cluster, audit)
}

#[tokio::test]
async fn no_file_holds_a_value_or_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let (mut cluster, audit) = telling_all(folder.path()).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    root.post(&format!("/v1/secret/data/{NAME}/deep"), json!({ "data": { "k": VALUE } })).await.ok();
    root.post(&format!("/v1/cubbyhole/{NAME}"), json!({ "k": VALUE })).await.ok();
    let operations = json!([
        { "operation": "create", "path": format!("secret/data/{NAME}/batch"), "data": { "data": { "k": VALUE } } },
        { "operation": "update", "path": format!("secret/move/{NAME}/batch"), "data": { "to": format!("{NAME}/moved") } },
        { "operation": "read", "path": format!("secret/data/{NAME}/deep") },
    ]);
    root.post("/v1/sys/batch", json!({ "operations": operations })).await.ok();
    root.post("/v1/sys/mounts/totp", json!({ "type": "totp" })).await.ok();
    root.post(&format!("/v1/totp/keys/{NAME}"), json!({ "key": "GEZDGNBVGY3TQOJQ", "issuer": VALUE })).await.ok();
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

/// A node that is sealed may be dumped, or swapped out: what it knew must be gone.
#[tokio::test]
async fn no_memory_of_a_sealed_node_holds_a_secret() {
    let cluster = Cluster::serving(1, Transport::Tls).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    root.post("/v1/secret/data/a", json!({ "data": { "k": VALUE } })).await.ok();
    assert_eq!(root.get("/v1/secret/data/a").await.ok()["data"]["data"]["k"], VALUE);
    let process = cluster.nodes[0].process_id();
    let keys = cluster.keys.as_ref().unwrap();
    let share = BASE64_STANDARD.decode(&keys.unseal[0]).unwrap();
    let secrets = [VALUE.as_bytes(), keys.root.as_bytes(), keys.unseal[0].as_bytes(), &share[..32]];
    root.post("/v1/sys/seal", json!({})).await.ok();
    drop(root);
    until("the memory should be clean", async || {
        let held: Vec<usize> = (0..secrets.len()).filter(|at| memory_holds(process, secrets[*at])).collect();
        if !held.is_empty() {
            eprintln!("held: {held:?}");
        }
        held.is_empty().then_some(())
    })
    .await;
    let name = cluster.nodes[0].name.as_bytes();
    assert!(memory_holds(process, name), "the search would have found something");
}

pub fn memory_holds(process: u32, bytes: &[u8]) -> bool {
    let mut found = false;
    pieces_of_memory(process, |piece| found = found || memchr::memmem::find(piece, bytes).is_some());
    found
}

/// Each overlaps the next one.
pub fn pieces_of_memory(process: u32, mut see: impl FnMut(&[u8])) {
    let regions = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut piece = vec![0; PIECE + OVERLAP];
    for line in regions.lines().filter(|line| line.contains(" rw-p ")) {
        let range = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [range.0, range.1].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        for at in (from..to).step_by(PIECE) {
            let length = piece.len().min(usize::try_from(to - at).unwrap());
            let read = memory.read_at(&mut piece[..length], at).unwrap_or(0);
            see(&piece[..read]);
        }
    }
}

/// The longest that is searched for.
const OVERLAP: usize = 4096;
const PIECE: usize = 1 << 20;

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

pub fn holds(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
