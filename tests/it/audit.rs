//! Audit devices of a real server: what clients get when one breaks, and that it works again.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Cluster, Transport, until};

async fn serving(devices: Value) -> Cluster {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({ "audit": devices }));
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.leader().await;
    cluster
}

/// A folder for what a test's devices write, known before the cluster is.
fn folder() -> tempfile::TempDir {
    tempfile::TempDir::with_prefix("holdfast-audit-").unwrap()
}

fn device(kind: &str, name: &str, options: Value) -> Value {
    json!({ kind: { name: { "options": options } } })
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Both ends, so that neither opening nor reading waits for the server.
fn reader(path: &Path) -> fs::File {
    fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
}

async fn failing(client: &Client) -> Vec<String> {
    let health = client.get("/v1/sys/health").await.body;
    let names = health["audit_failing"].as_array().cloned().unwrap_or_default();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

async fn mounts(client: &Client) -> Answer {
    client.get("/v1/sys/mounts").await
}

/// The one device that is said to fail, of several that are required.
async fn refused_by(client: &Client, name: &str) -> String {
    let text = until(&format!("{name} should be missed"), async || {
        let answer = mounts(client).await;
        (answer.status == 500).then(|| answer.error().to_owned())
    })
    .await;
    assert!(text.contains(&format!("{name}:")), "{text}");
    assert!(failing(client).await.contains(&name.to_owned()));
    text
}

async fn works_again(client: &Client) {
    until("all devices should work again", async || (mounts(client).await.status == 200).then_some(())).await;
    until("health should say so", async || {
        mounts(client).await;
        failing(client).await.is_empty().then_some(())
    })
    .await;
}

fn hang_up(cluster: &Cluster) {
    let sent = Command::new("kill").args(["-HUP", &cluster.nodes[0].process_id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn required_devices_that_break_are_named_and_work_again() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    fs::create_dir(at("logs")).unwrap();
    fifo(&at("pipe"));
    let mut pipe = reader(&at("pipe"));
    symlink(at("roomy"), at("disk")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let required = |kind: &str, name: &str, key: &str, value: &str| {
        device(kind, name, json!({ key: value, "delivery": "required", "write_timeout": "300ms" }))
    };
    let cluster = serving(json!([
        required("file", "removed", "file_path", &text("logs/log")),
        required("file", "full", "file_path", &text("disk")),
        required("file", "pipe", "file_path", &text("pipe")),
        required("socket", "socket", "address", &address.to_string()),
    ]))
    .await;
    let root = cluster.root(0);
    mounts(&root).await.ok();
    assert_eq!(failing(&root).await, [""; 0]);

    // The file is removed with its folder.
    fs::remove_dir_all(at("logs")).unwrap();
    refused_by(&root, "removed/").await;
    fs::create_dir(at("logs")).unwrap();
    works_again(&root).await;
    assert!(fs::read_to_string(at("logs/log")).unwrap().lines().count() > 0);

    // The disk is full. SIGHUP lets the server see the other file that the name now means.
    fs::remove_file(at("disk")).unwrap();
    symlink("/dev/full", at("disk")).unwrap();
    hang_up(&cluster);
    assert!(refused_by(&root, "full/").await.contains("No space left"));
    fs::remove_file(at("disk")).unwrap();
    symlink(at("roomy"), at("disk")).unwrap();
    hang_up(&cluster);
    works_again(&root).await;

    // Nobody empties the pipe until it is full.
    assert!(refused_by(&root, "pipe/").await.contains("the pipe is full"));
    let emptying = std::thread::spawn(move || {
        let mut taken = [0; 1 << 16];
        while pipe.read(&mut taken).is_ok_and(|n| n > 0) {}
    });
    works_again(&root).await;
    drop(emptying);

    // The other side of the socket goes, and comes back.
    drop(listener);
    refused_by(&root, "socket/").await;
    let _listener = TcpListener::bind(address).unwrap();
    works_again(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn best_effort_devices_that_break_keep_nobody_waiting() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    fs::create_dir(at("logs")).unwrap();
    fifo(&at("pipe"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let best_effort = |kind: &str, name: &str, key: &str, value: &str| {
        device(kind, name, json!({ key: value, "delivery": "best-effort" }))
    };
    let cluster = serving(json!([
        device("file", "main", json!({ "file_path": text("main") })),
        best_effort("file", "removed", "file_path", &text("logs/log")),
        best_effort("file", "full", "file_path", "/dev/full"),
        best_effort("file", "pipe", "file_path", &text("pipe")),
        best_effort("socket", "socket", "address", &address.to_string()),
    ]))
    .await;
    let root = cluster.root(0);
    fs::remove_dir_all(at("logs")).unwrap();
    drop(listener);
    until("health should name all four", async || {
        mounts(&root).await.ok();
        let mut names = failing(&root).await;
        names.sort();
        (names == ["full/", "pipe/", "removed/", "socket/"]).then_some(())
    })
    .await;
    fs::create_dir(at("logs")).unwrap();
    let _pipe = reader(&at("pipe"));
    let _listener = TcpListener::bind(address).unwrap();
    until("three should work again", async || {
        mounts(&root).await.ok();
        (failing(&root).await == ["full/"]).then_some(())
    })
    .await;
    let main = fs::read_to_string(at("main")).unwrap();
    assert!(main.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "whole lines of JSON");
    assert!(!main.contains(&cluster.keys.as_ref().unwrap().root), "no token");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_opens_a_device_made_through_the_api() {
    let folder = folder();
    let path = folder.path().join("log");
    let open = json!({ "audit_api_folders": [folder.path().to_str()] });
    let mut cluster = Cluster::configured(3, Transport::Plain, &open);
    for node in &mut cluster.nodes {
        node.start().await;
    }
    cluster.initialise(1, 1).await;
    for index in 0..3 {
        cluster.unseal(index).await;
    }
    cluster.all_vote().await;
    let standby = cluster.standbys().await[0];
    let root = cluster.root(standby);
    let made = json!({ "type": "file", "options": { "file_path": path.to_str() } });
    root.post("/v1/sys/audit/one", made).await.ok();
    let lines = || -> Vec<Value> {
        let text = fs::read_to_string(&path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for index in 0..3 {
        cluster.serves(index).await;
        let before = lines().len();
        cluster.root(index).get("/v1/sys/mounts").await.ok();
        assert!(lines().len() > before, "node {index} has written");
    }
    // What a standby sends on is written down there too.
    root.post("/v1/sys/policies/acl/p", json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" })).await.ok();
    assert!(lines().iter().any(|line| line["type"] == "forward" && line["request"]["path"] == "sys/policies/acl/p"));
    let hash =
        root.post("/v1/sys/audit-hash/one", json!({ "input": "path \"a\" { capabilities = [\"read\"] }" })).await.ok();
    assert!(lines().iter().any(|line| line["request"]["data"]["policy"] == hash["data"]["hash"]));
    root.delete("/v1/sys/audit/one").await.ok();
    for index in 0..3 {
        cluster.root(index).get("/v1/sys/mounts").await.ok();
    }
    let before = lines().len();
    for index in 0..3 {
        cluster.root(index).get("/v1/sys/mounts").await.ok();
    }
    assert_eq!(lines().len(), before, "nobody writes any more");
}
