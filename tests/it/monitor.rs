//! `sys/monitor` and `holdfast monitor`: a node's log over the wire.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::harness::{Client, Cluster, Transport, until};

const DEBUG: &str = "/v1/sys/monitor?log_level=debug";
const HANGUP: &str = "SIGHUP: audit files are opened anew";
const VALUE: &str = "canary-value-91c7";
const NAME: &str = "canary-name-3e60";

/// What comes, up to and with this text. The client's time limit bounds it.
async fn up_to(answer: &mut reqwest::Response, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let chunk = answer.chunk().await.unwrap().unwrap_or_else(|| panic!("it ended before {end:?}:\n{text}"));
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    text
}

#[tokio::test]
async fn each_node_shows_its_own_log() {
    let mut cluster = Cluster::serving(2, Transport::Plain).await;
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    let (active, root) = (cluster.root(leader), cluster.root(standby));
    let mut watched = root.open(DEBUG).await;
    assert_eq!(watched.status(), 200, "a standby answers itself");
    let mut json = active.open("/v1/sys/monitor?log_format=json").await;

    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    root.post(&format!("/v1/kv/{NAME}"), json!({ "k": VALUE })).await.ok();
    cluster.nodes[leader].signal("HUP");
    let line = up_to(&mut json, HANGUP).await;
    let line: Value = serde_json::from_str(line.lines().find(|line| line.contains(HANGUP)).unwrap()).unwrap();
    assert_eq!(line["level"], "INFO", "{line}");

    cluster.nodes[standby].signal("HUP");
    let lines = up_to(&mut watched, HANGUP).await;
    assert!(lines.contains("request{id=") && lines.contains("a request verb=Write"), "{lines}");
    assert_eq!(lines.matches(HANGUP).count(), 1, "the other node's lines are not here:\n{lines}");
    assert!(!lines.contains(VALUE) && !lines.contains(NAME), "{lines}");
    assert!(!lines.contains(&cluster.keys.as_ref().unwrap().root), "{lines}");

    cluster.nodes[standby].stop().await;
    while watched.chunk().await.expect("a node that stops ends the stream").is_some() {}
}

#[tokio::test]
async fn who_may_watch_and_how_many() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let (nobody, root) = (cluster.nodes[0].client(), cluster.root(0));
    assert_eq!(nobody.get(DEBUG).await.status, 403);
    for (capabilities, status) in [(json!(["read"]), 403), (json!(["read", "sudo"]), 200)] {
        let policy = format!("path \"sys/monitor\" {{ capabilities = {capabilities} }}");
        root.post("/v1/sys/policies/acl/watch", json!({ "policy": policy })).await.ok();
        let made = root.post("/v1/auth/token/create", json!({ "policies": ["watch"] })).await.ok();
        let client = nobody.with_token(made["auth"]["client_token"].as_str().unwrap());
        assert_eq!(client.open(DEBUG).await.status(), status, "{capabilities}");
    }
    for (query, wanted) in [
        ("log_level=loud", "unknown log_level \"loud\": it must be trace, debug, info, warn or error"),
        ("log_format=xml", "unknown log_format \"xml\": it must be standard or json"),
    ] {
        let refused = root.get(&format!("/v1/sys/monitor?{query}")).await;
        assert_eq!((refused.status, refused.error()), (400, wanted));
    }

    let mut watchers = Vec::new();
    // The one from above may still be leaving.
    until("as many watch as may", async || {
        let one = root.open(DEBUG).await;
        let full = one.status() == 503;
        watchers.push(one);
        full.then_some(())
    })
    .await;
    assert!((16..20).contains(&watchers.len()), "{}", watchers.len());
    drop(watchers);
    until("a place is given back", async || (root.open(DEBUG).await.status() == 200).then_some(())).await;
}

#[tokio::test]
async fn the_command_shows_lines_until_it_is_interrupted() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["monitor", "-log-level=debug"]).env_clear().kill_on_drop(true);
    command.env("VAULT_ADDR", cluster.nodes[0].url()).env("VAULT_TOKEN", &cluster.keys.as_ref().unwrap().root);
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let client: Client = cluster.root(0);
    let asking = async {
        loop {
            client.get("/v1/sys/mounts").await.ok();
        }
    };
    let seen = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the command goes on");
            if line.contains("a request verb=Read") {
                return;
            }
        }
    };
    tokio::select! {
        () = seen => {}
        () = asking => {}
    }
    let number = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &number]).status().await.unwrap().success());
    let status = until("the command ends", async || process.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0));
}
