//! Listeners beside the first: another port, a socket of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tokio::net::UnixStream;

use super::{change, exchange, request, status};
use crate::harness::{Cluster, Transport};

#[tokio::test]
async fn a_socket_of_this_machine() {
    let mut cluster = Cluster::configured(1, Transport::Tls, &json!({}));
    let socket = cluster.folder().join("api.sock");
    let group = own_group();
    change(&cluster, |config| {
        let unix = json!({ "unix": { "address": socket.to_str(), "socket_mode": "620", "socket_group": group } });
        config["listener"].as_array_mut().unwrap().push(unix);
    });
    // A killed process leaves its socket.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    cluster.nodes[0].start().await;
    let answer = exchange(UnixStream::connect(&socket).await.unwrap(), request("").as_bytes()).await;
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o620);
    cluster.nodes[0].stop().await;
    assert!(!socket.exists(), "the socket goes with the server");
}

/// This process's own group, which it may give its files to.
fn own_group() -> String {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().gid().to_string()
}

#[tokio::test]
async fn what_is_no_socket_is_not_removed() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    let file = cluster.folder().join("notes");
    fs::write(&file, "mine").unwrap();
    change(&cluster, |config| {
        config["listener"].as_array_mut().unwrap().push(json!({ "unix": { "address": file.to_str() } }));
    });
    cluster.nodes[0].launch();
    assert_eq!(cluster.nodes[0].ended().await.code(), Some(1));
    assert!(cluster.nodes[0].log().contains("a file of this name that is no socket"));
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}
