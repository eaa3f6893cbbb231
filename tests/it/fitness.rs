//! Servers that find out by themselves that they cannot do their work.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Cluster, Transport, until};

/// Founded and joined one after the other, each node with its own configuration on top.
async fn serving(more: &[Value]) -> Cluster {
    let cluster = Cluster::configured(more.len(), Transport::Plain, &json!({}));
    for (index, more) in more.iter().enumerate() {
        cluster.configure(index, more);
    }
    cluster.brought_up(1, 1).await
}

/// Both ends, so that neither opening nor reading waits for the server.
fn reader(path: &Path) -> fs::File {
    fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[tokio::test]
async fn an_active_node_whose_audit_is_blocked_gives_leadership_away() {
    let folder = tempfile::TempDir::with_prefix("holdfast-audit-").unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let kept = reader(&pipe);
    let device = |path: &Path, mode: &str| {
        let options = json!({ "file_path": path.to_str(), "mode": mode, "write_timeout": "1s" });
        json!({ "audit": [{ "file": { "main": { "options": options } } }] })
    };
    let plain = |name: &str| device(&folder.path().join(name), "0600");
    let cluster = serving(&[device(&pipe, "0000"), plain("b"), plain("c")]).await;
    assert_eq!(cluster.leader().await, 0, "the founder leads");

    // Nobody reads: once the pipe is full, no request can be audited on the first node.
    let root = cluster.root(0);
    until("the first node should be stuck", async || {
        let answer = root.try_send("GET", "/v1/sys/mounts", None).await.ok()?;
        (answer.status == 500).then_some(())
    })
    .await;
    let moved = until("another node should be active", async || {
        for index in 1..3 {
            if cluster.nodes[index].client().health().await == Some(200) {
                return Some(index);
            }
        }
        None
    })
    .await;
    cluster.root(moved).get("/v1/sys/mounts").await.ok();
    assert!(cluster.nodes[0].log().contains("requests cannot be audited here"));
    drop(kept);
}

#[tokio::test]
async fn a_node_without_room_is_done_without_and_too_few_with_room_make_the_cluster_read_only() {
    let storage = |cluster: &Cluster, index: usize, least: u64| {
        let file = cluster.nodes[index].config_file();
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["storage"]["raft"]["min_free_space"] = least.into();
        fs::write(file, serde_json::to_vec(&config).unwrap()).unwrap();
    };
    let mut cluster = serving(&[json!({}), json!({}), json!({})]).await;
    let disk = rustix::fs::statvfs(cluster.folder()).unwrap();
    // Too little for more, and enough for what is under way.
    let more_than_there_is = 2 * disk.f_bavail * disk.f_frsize;
    cluster.root(0).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    cluster.root(0).post("/v1/kv/before", json!({ "v": "1" })).await.ok();

    // One node without room: no leader any more, and nobody notices.
    storage(&cluster, 0, more_than_there_is);
    cluster.nodes[0].stop().await;
    cluster.nodes[0].start().await;
    cluster.unseal(0).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/kv/one", json!({ "v": "1" })).await.ok();

    // A second one: nothing is written any more, and everything is read.
    let second = cluster.standbys().await.into_iter().find(|index| *index != 0).unwrap();
    storage(&cluster, second, more_than_there_is);
    cluster.nodes[second].stop().await;
    cluster.nodes[second].start().await;
    cluster.unseal(second).await;
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    let refused = until("writes should be refused", async || {
        let answer = root.try_send("POST", "/v1/kv/two", Some(&json!({ "v": "1" }))).await.ok()?;
        (answer.status == 503).then(|| answer.error().to_owned())
    })
    .await;
    assert!(refused.contains("nearly full"), "{refused}");
    assert_eq!(root.get("/v1/kv/before").await.ok()["data"]["v"], "1");

    // Room again.
    for index in [0, second] {
        storage(&cluster, index, 0);
        cluster.nodes[index].stop().await;
        cluster.nodes[index].start().await;
        cluster.unseal(index).await;
    }
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    until("writes should be taken", async || {
        let answer = root.try_send("POST", "/v1/kv/three", Some(&json!({ "v": "1" }))).await.ok()?;
        (answer.status == 204).then_some(())
    })
    .await;
}
