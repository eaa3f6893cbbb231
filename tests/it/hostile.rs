//! What no well-meaning client sends: each gets a clear error, and nothing is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Cluster, Transport};

/// Sends bytes as they are and takes what comes back.
fn raw(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told_what_is_wrong() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    cluster.initialise(3, 2).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    root.post("/v1/kv/kept", json!({ "v": "x" })).await.ok();
    let (address, token) = (cluster.nodes[0].url(), cluster.keys.as_ref().unwrap().root.clone());

    let deep = [b"{\"a\":".as_slice(), &b"[".repeat(10_000), &b"]".repeat(10_000), b"}"].concat();
    let large = [b"{\"a\":\"".as_slice(), &b"x".repeat(33 << 20), b"\"}"].concat();
    let over_one_entry = [b"{\"a\":\"".as_slice(), &b"x".repeat(2 << 20), b"\"}"].concat();
    for (what, body, code, says) in [
        ("malformed", b"{\"a\": ".to_vec(), "400", "failed to decode JSON"),
        ("no object", b"[1]".to_vec(), "400", "must be a JSON object"),
        ("not UTF-8", b"{\"a\":\"\xff\"}".to_vec(), "400", "failed to decode JSON"),
        ("10,000 deep", deep, "400", "levels deep"),
        ("33 MiB", large, "413", "request body too large"),
        ("2 MiB", over_one_entry, "413", "max_entry_size"),
    ] {
        let answer = raw(&address, &post("/v1/kv/bad", &token, &body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")) && answer.contains(says), "{what}: {answer:.300}");
    }
    for (path, says) in [
        ("/v1/kv/%2e%2e/sys", "relative paths"),
        ("/v1/kv/%2fa", "empty segment"),
        ("/v1/kv/a%00b", "control character"),
        ("/v1/kv/%ff", "not UTF-8"),
    ] {
        let answer = raw(&address, &post(path, &token, b"{\"a\":\"1\"}"));
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(says), "{path}: {answer:.300}");
    }
    for (path, leads_to) in [("/v1/kv/../sys/mounts", "/v1/sys/mounts"), ("/v1/kv//a", "/v1/kv/a")] {
        let answer = raw(&address, &post(path, &token, b"{\"a\":\"1\"}"));
        let there = format!("location: {leads_to}\r\n");
        assert!(answer.starts_with("HTTP/1.1 307") && answer.contains(&there), "{path}: {answer:.300}");
    }
    let answer = raw(&address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is no HTTP\r\n\r\n");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer:.300}");

    assert_eq!(root.get("/v1/kv/kept").await.ok()["data"]["v"], "x");
    assert_eq!(root.list("/v1/kv").await.ok()["data"]["keys"], json!(["kept"]), "nothing was half done");
}

#[tokio::test]
async fn shares_that_open_nothing() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    cluster.initialise(3, 2).await;
    let client = cluster.nodes[0].client();
    let shares = cluster.keys.as_ref().unwrap().unseal.clone();
    let give = async |key: &str| client.post("/v1/sys/unseal", json!({ "key": key })).await;

    assert_eq!(give("no key at all!").await.status, 400);
    assert_eq!(give("AAAA").await.status, 400);
    assert_eq!(give(&shares[0]).await.ok()["progress"], 1);
    assert_eq!(give(&shares[0]).await.ok()["progress"], 1, "the same share does not count twice");
    let foreign = format!("{}41", "ab".repeat(32));
    let refused = give(&foreign).await;
    assert_eq!(refused.status, 400, "a share of another cluster");
    assert!(refused.error().contains("start again"), "{}", refused.error());
    assert_eq!(client.get("/v1/sys/seal-status").await.ok()["progress"], 0);
    give(&shares[1]).await.ok();
    assert_eq!(give(&shares[2]).await.ok()["sealed"], false, "the right ones open it all the same");
}

#[tokio::test]
async fn a_joiner_without_the_seal() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let client = cluster.nodes[0].client();
    let key = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    let ask = json!({ "server_id": "stranger", "public_key": key });
    let challenge = client.post("/v1/sys/storage/raft/bootstrap/challenge", ask).await.ok();
    let answer = json!({
        "joiner": {
            "id": 7, "name": "stranger", "address": "127.0.0.1:1", "api_address": "http://127.0.0.1:2",
            "key": vec![0x41; 32],
        },
        "challenge": challenge["data"]["challenge"],
        "answer": key,
    });
    let refused = client.post("/v1/sys/storage/raft/bootstrap/answer", answer).await;
    assert_eq!(refused.status, 400, "{}", refused.error());
    let short = json!({ "server_id": "x", "public_key": "AAAA" });
    assert_eq!(client.post("/v1/sys/storage/raft/bootstrap/challenge", short).await.status, 400);
    let members = cluster.root(0).get("/v1/sys/storage/raft/configuration").await.ok();
    assert_eq!(members["data"]["config"]["servers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_data_folder_of_another_node() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    cluster.nodes[0].stop().await;
    let path = cluster.nodes[0].data();
    cluster.configure(0, &json!({ "storage": { "raft": { "path": path, "node_id": "somebody-else" } } }));
    cluster.nodes[0].launch();
    let status = cluster.nodes[0].ended().await;
    assert!(!status.success());
    let log = cluster.nodes[0].log();
    assert!(log.contains("belongs to node") && log.contains("somebody-else"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_refuses_what_the_active_node_would() {
    let cluster = Cluster::serving(2, Transport::Plain).await;
    let standby = cluster.standbys().await[0];
    let root = cluster.root(standby);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    for mib in [2, 20] {
        let refused = root.post("/v1/kv/large", json!({ "a": "x".repeat(mib << 20) })).await;
        assert_eq!(refused.status, 413, "{mib} MiB: {}", refused.error());
    }
    let deep = format!("/v1/kv/{}", "a/".repeat(200));
    assert_eq!(root.get(&deep).await.status, 400);
    assert_eq!(root.get("/v1/kv/large").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_stop_nobody() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    let address = cluster.nodes[0].url();
    let waiting: Vec<TcpStream> = (0..40)
        .map(|n| {
            let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
            let length = if n % 2 == 0 { "Content-Length: 33000000" } else { "Transfer-Encoding: chunked" };
            write!(stream, "POST /v1/kv/x HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n").unwrap();
            stream
        })
        .collect();
    root.post("/v1/kv/a", json!({ "k": "v".repeat(100_000) })).await.ok();
    assert_eq!(cluster.nodes[0].client().get("/v1/sys/health").await.status, 200);
    drop(waiting);
}
