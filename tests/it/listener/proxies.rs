//! Clients behind balancers: the PROXY protocol and X-Forwarded-For.

use serde_json::{Value, json};

use super::{exchange, listening, logged, plain, request, status};
use crate::harness::{Cluster, Transport, until};

async fn behind(listener: Value) -> Cluster {
    listening(Transport::Plain, listener, logged()).await
}

/// The address that the server took a request to come from is this one.
async fn came_from(cluster: &Cluster, address: &str) {
    until(&format!("a request from {address} should be logged"), async || {
        let log = cluster.nodes[0].log();
        log.lines().any(|line| line.contains("completed_request") && line.contains(address)).then_some(())
    })
    .await;
}

/// Version 2 of the header, for a TCP connection by IPv4 from 10.1.1.2, port 258.
const VERSION_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x01\x02\x7f\0\0\x01\x01\x02\0\x50";

async fn with_header(cluster: &Cluster, header: &[u8]) -> Option<u16> {
    status(&exchange(plain(cluster).await, &[header, request("").as_bytes()].concat()).await)
}

#[tokio::test]
async fn a_proxy_header_is_believed() {
    let cluster = behind(json!({ "proxy_protocol_behavior": "use_always" })).await;
    assert_eq!(with_header(&cluster, b"PROXY TCP4 10.1.1.1 127.0.0.1 5555 80\r\n").await, Some(200));
    came_from(&cluster, "10.1.1.1:5555").await;
    assert_eq!(with_header(&cluster, VERSION_2).await, Some(200));
    came_from(&cluster, "10.1.1.2:258").await;
    assert_eq!(with_header(&cluster, b"PROXY UNKNOWN\r\n").await, Some(200));
    assert_eq!(with_header(&cluster, b"").await, Some(200), "a connection without a header is its own");
    assert_eq!(with_header(&cluster, b"PROXY nonsense\r\n").await, Some(400));
}

#[tokio::test]
async fn a_proxy_header_from_a_stranger_is_passed_over_or_ends_the_connection() {
    let others =
        json!({ "proxy_protocol_behavior": "allow_authorized", "proxy_protocol_authorized_addrs": "10.0.0.0/8" });
    let cluster = behind(others).await;
    assert_eq!(with_header(&cluster, b"PROXY TCP4 10.1.1.3 127.0.0.1 5555 80\r\n").await, Some(200));
    came_from(&cluster, "127.0.0.1:").await;
    assert!(!cluster.nodes[0].log().contains("10.1.1.3"));

    let nobody =
        json!({ "proxy_protocol_behavior": "deny_unauthorized", "proxy_protocol_authorized_addrs": ["10.0.0.1"] });
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    super::change(&cluster, |config| super::merge(&mut config["listener"][0]["tcp"], &nobody));
    cluster.nodes[0].launch();
    until("the port should be open", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", cluster.nodes[0].api_port)).await.ok().map(drop)
    })
    .await;
    assert_eq!(with_header(&cluster, b"PROXY TCP4 10.0.0.1 127.0.0.1 5555 80\r\n").await, None);
}

#[tokio::test]
async fn forwarded_for_by_a_proxy_that_is_believed() {
    let cluster =
        behind(json!({ "x_forwarded_for_authorized_addrs": "127.0.0.0/8", "x_forwarded_for_hop_skips": 1 })).await;
    let send = async |headers: &str| exchange(plain(&cluster).await, request(headers).as_bytes()).await;
    let missing = send("").await;
    assert_eq!(status(&missing), Some(400));
    assert!(missing.contains("missing x-forwarded-for header"), "{missing}");
    assert_eq!(status(&send("X-Forwarded-For: 10.9.9.9\r\n").await), Some(400), "there is nothing to skip");
    assert_eq!(status(&send("X-Forwarded-For: 10.9.9.9, 10.2.2.2\r\nX-Forwarded-For: 10.3.3.3\r\n").await), Some(200));
    came_from(&cluster, "10.2.2.2:").await;
}

#[tokio::test]
async fn forwarded_for_by_a_stranger() {
    let strict = behind(json!({ "x_forwarded_for_authorized_addrs": ["10.0.0.0/8"] })).await;
    let headers = "X-Forwarded-For: 10.4.4.4\r\n";
    assert_eq!(status(&exchange(plain(&strict).await, request(headers).as_bytes()).await), Some(400));
    let lenient = json!({
        "x_forwarded_for_authorized_addrs": ["10.0.0.0/8"],
        "x_forwarded_for_reject_not_authorized": false,
        "x_forwarded_for_reject_not_present": false,
    });
    let lenient = behind(lenient).await;
    for headers in [headers, ""] {
        assert_eq!(status(&exchange(plain(&lenient).await, request(headers).as_bytes()).await), Some(200));
    }
    came_from(&lenient, "127.0.0.1:").await;
    assert!(!lenient.nodes[0].log().contains("10.4.4.4"));
}
