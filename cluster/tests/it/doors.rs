//! Who does not get in at the cluster port.

use std::sync::Arc;
use std::time::Duration;

use cluster::identity::{NodeKey, PublicKey, client_config};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::harness::*;

/// Greets as an HTTP/2 client would and answers with what comes back.
async fn knock(port: u16, key: &NodeKey, target: PublicKey) -> std::io::Result<usize> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("holdfast").unwrap();
    let mut tls = TlsConnector::from(Arc::new(client_config(key, target).unwrap())).connect(name, stream).await?;
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await?;
    let read = timeout(Duration::from_secs(5), tls.read(&mut [0; 64])).await;
    read.expect("the port neither answers nor closes")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_refused_and_a_member_let_in() {
    let mut cluster = Cluster::of(2).await;
    let (port, target) = (cluster.seats[0].port, cluster.seats[0].node().joining().member.key);
    let folder = tempfile::tempdir().unwrap();
    let stranger = NodeKey::open(&folder.path().join("node.key")).unwrap();
    assert!(knock(port, &stranger, target).await.is_err());

    cluster.seats[1].stop().await;
    let member = NodeKey::open(&cluster.seats[1].folder.path().join("node.key")).unwrap();
    assert!(knock(port, &member, target).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_is_refused() {
    let (ours, theirs) = (Cluster::of(1).await, Cluster::of(1).await);
    let target = ours.seats[0].node().joining().member.key;
    let key = theirs.seats[0].folder.path().join("node.key");
    let key = NodeKey::open(&key).unwrap();
    assert!(knock(ours.seats[0].port, &key, target).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nothing_is_answered() {
    let cluster = Cluster::of(1).await;
    let mut plain = TcpStream::connect(("127.0.0.1", cluster.seats[0].port)).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // At most a TLS alert, then the end.
    timeout(Duration::from_secs(5), plain.read_to_end(&mut answer)).await.expect("it closes").ok();
    assert!(answer.len() <= 7, "{answer:?}");
}

/// Strangers that connect and say nothing do not keep members out.
#[tokio::test(flavor = "multi_thread")]
async fn silent_strangers_do_not_shut_the_port() {
    let mut cluster = Cluster::of(1).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(("127.0.0.1", cluster.seats[0].port)).await.unwrap());
    }
    cluster.seats.push(Seat::new("b"));
    cluster.seats[1].start().await;
    cluster.join(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_different_election_timeouts_refuse_each_other() {
    let mut cluster = Cluster::of(1).await;
    let mut seat = Seat::new("b");
    seat.timing.election_max *= 2;
    cluster.seats.push(seat);
    let joiner = cluster.seats[1].start().await;
    let members = cluster.leader().await.admit(joiner.joining(), soon()).await.unwrap();
    assert!(joiner.enter(members, in_ms(1000)).await.is_err());
}
