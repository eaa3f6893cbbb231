//! Disks that fill up in spite of everything, or let nothing be written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::ExitStatus;

use serde_json::json;

use crate::harness::{Client, Cluster, SmallDisk, Transport, until};

/// The status of a process whose storage has failed.
const STORAGE_FAILED: i32 = 70;

/// A node on a small disk, which does not look after its room.
async fn serving() -> (Cluster, Client) {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    let file = cluster.nodes[0].config_file();
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config["storage"]["raft"]["min_free_space"] = 0.into();
    fs::write(file, serde_json::to_vec(&config).unwrap()).unwrap();
    cluster.nodes[0].disk = Some(SmallDisk { size: 512, taken: 0, read_only: false });
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.leader().await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    (cluster, root)
}

/// Writes until the process ends. What it acknowledged, it has written: nothing else is claimed here.
async fn ends(cluster: &mut Cluster, root: &Client) -> ExitStatus {
    let value = json!({ "v": "x".repeat(256 << 10) });
    until("the node should end", async || {
        // It may end at any moment.
        let _ = root.try_send("POST", "/v1/kv/a", Some(&value)).await;
        cluster.nodes[0].exited()
    })
    .await
}

#[tokio::test]
async fn a_node_whose_disk_is_full_ends_with_a_word_and_waits_for_room_at_its_start() {
    let (mut cluster, root) = serving().await;
    let mut ballast = OpenOptions::new().append(true).open(cluster.nodes[0].seen_data().join("ballast")).unwrap();
    while ballast.write_all(&[0; 64 << 10]).is_ok() {}
    let status = ends(&mut cluster, &root).await;
    assert_eq!(status.code(), Some(STORAGE_FAILED), "{}", cluster.nodes[0].log());
    assert!(cluster.nodes[0].log().contains("its storage has failed"));

    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    let node = &mut cluster.nodes[0];
    node.disk = Some(SmallDisk { size: 512, taken: 508, read_only: false });
    node.launch();
    until("the node should say what it waits for", async || node.log().contains("the disk is full").then_some(()))
        .await;
    assert!(node.exited().is_none());
    fs::remove_file(node.seen_data().join("ballast")).unwrap();
    until("the node should start", async || node.client().health().await.filter(|status| *status == 501)).await;
}

#[tokio::test]
async fn a_node_on_a_read_only_file_system_ends_and_says_so() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    let node = &mut cluster.nodes[0];
    node.disk = Some(SmallDisk { size: 64, taken: 0, read_only: true });
    node.launch();
    assert!(!node.ended().await.success());
    assert!(node.log().contains("Read-only file system"), "{}", node.log());
}
