//! A node that is asked to end tells those who use it before it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Cluster, Node, Transport, until};

/// A connection that stays open between requests, as a load balancer's pool holds them.
struct Held(TcpStream);

impl Held {
    async fn open(node: &Node) -> Held {
        Held(TcpStream::connect(("127.0.0.1", node.api_port)).await.unwrap())
    }

    /// Writes a secret. The whole answer, in small letters.
    async fn write(&mut self, token: &str, name: &str) -> String {
        let body = r#"{"v":"x"}"#;
        let head = format!("POST /v1/kv/{name} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(request.as_bytes()).await.unwrap();
        // A write is answered by 204, which has no body: the head is all there is.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let read = self.0.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "the connection ended within an answer: {:?}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap().to_lowercase()
    }

    /// Whether the server has closed it.
    async fn closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]).await, Ok(0))
    }
}

#[tokio::test]
async fn a_held_connection_is_answered_and_told_to_close() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let token = cluster.keys.as_ref().unwrap().root.clone();
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    // The standby goes first: with the active node gone as well, nobody would be left to take a write.
    for (index, name) in [(standby, "standby"), (leader, "active")] {
        let mut held = Held::open(&cluster.nodes[index]).await;
        let before = held.write(&token, "before").await;
        assert!(before.starts_with("http/1.1 204") && !before.contains("connection: close"), "{name}: {before}");

        cluster.nodes[index].terminate();
        let node = &cluster.nodes[index];
        until("probes should be told to send nobody", async || node.client().health().await.filter(|c| *c == 503))
            .await;
        let after = held.write(&token, name).await;
        assert!(after.starts_with("http/1.1 204") && after.contains("connection: close"), "{name}: {after}");
        assert!(held.closed().await, "{name}: closed after the answer that said so");
        assert!(cluster.nodes[index].ended().await.success());

        cluster.nodes[index].start().await;
        cluster.unseal(index).await;
        cluster.serves(index).await;
        assert_eq!(cluster.root(index).get(&format!("/v1/kv/{name}")).await.ok()["data"]["v"], "x");
    }
}

#[tokio::test]
async fn a_connection_let_in_just_before_the_end_brings_its_request() {
    let mut cluster = Cluster::serving(1, Transport::Plain).await;
    let mut early = TcpStream::connect(("127.0.0.1", cluster.nodes[0].api_port)).await.unwrap();
    cluster.nodes[0].terminate();
    let node = &cluster.nodes[0];
    let gone = async || TcpStream::connect(("127.0.0.1", node.api_port)).await.is_err().then_some(());
    until("the port should be closed", gone).await;
    early.write_all(b"GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    early.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert!(cluster.nodes[0].ended().await.success());
}

/// Writes to the node that leads and, once that has said that it goes, to the others. Any answer but a success ends it.
async fn write_on(mut at: Vec<u16>, token: String, name: String, stop: Arc<AtomicBool>) -> Result<u32, String> {
    let (mut held, mut written) = (None, 0);
    while !stop.load(Ordering::Relaxed) {
        let Some(port) = at.first() else { return Err("no node is left".to_owned()) };
        let mut connection = match held.take() {
            Some(connection) => connection,
            // A refusal: it has gone.
            None => match TcpStream::connect(("127.0.0.1", *port)).await {
                Ok(stream) => Held(stream),
                Err(_) => {
                    at.remove(0);
                    continue;
                }
            },
        };
        let answer = connection.write(&token, &name).await;
        if !answer.starts_with("http/1.1 204") {
            return Err(answer);
        }
        written += 1;
        if answer.contains("connection: close") {
            at.remove(0);
        } else {
            held = Some(connection);
        }
    }
    Ok(written)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_fails_when_the_active_node_is_asked_to_end() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let token = cluster.keys.as_ref().unwrap().root.clone();
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    let mut ports = vec![cluster.nodes[leader].api_port];
    ports.extend(cluster.standbys().await.iter().map(|index| cluster.nodes[*index].api_port));
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        writers.spawn(write_on(ports.clone(), token.clone(), format!("w{writer}"), Arc::clone(&stop)));
    }
    until("every writer should be at work", async || {
        let listed = root.list("/v1/kv").await.body["data"]["keys"].as_array().map_or(0, Vec::len);
        (listed == 8).then_some(())
    })
    .await;
    assert!(cluster.nodes[leader].stop().await.success());
    stop.store(true, Ordering::Relaxed);
    for outcome in writers.join_all().await {
        assert!(outcome.as_ref().is_ok_and(|written| *written > 0), "{outcome:?}");
    }
}
