//! What a listener's keys do, seen from the other end of a connection.

mod answers;
mod bounds;
mod certificates;
mod proxies;
mod reload;
mod sockets;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Cluster, Transport};

/// Far longer than anything here takes: what is waited for does not come.
const WITHIN: Duration = Duration::from_secs(30);

/// One node that runs, with these keys in its listener and at the top.
async fn listening(transport: Transport, listener: Value, top: Value) -> Cluster {
    let mut cluster = Cluster::configured(1, transport, &top);
    change(&cluster, |config| merge(&mut config["listener"][0]["tcp"], &listener));
    cluster.nodes[0].start().await;
    cluster
}

/// Writes the node's configuration anew.
fn change(cluster: &Cluster, how: impl FnOnce(&mut Value)) {
    let file = cluster.nodes[0].config_file();
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    how(&mut config);
    fs::write(file, config.to_string()).unwrap();
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

fn plain(cluster: &Cluster) -> impl Future<Output = TcpStream> + use<> {
    let port = cluster.nodes[0].api_port;
    async move { TcpStream::connect(("127.0.0.1", port)).await.unwrap() }
}

/// A request for something that every node answers.
fn request(headers: &str) -> String {
    format!("GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends these bytes and returns all that comes back until the server closes.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A closed connection may have been reset.
    let _ = timeout(WITHIN, stream.read_to_end(&mut answer)).await.expect("the server should close the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer, if there was one.
fn status(answer: &str) -> Option<u16> {
    answer.split(' ').nth(1)?.parse().ok()
}

/// That every request is logged with its client's address.
fn logged() -> Value {
    json!({ "log_requests_level": "info" })
}
