//! `sys/health`: each code in the state that causes it, and what the parameters make of it.

use serde_json::json;

use crate::harness::{Cluster, Transport};

async fn codes(cluster: &Cluster, index: usize, expected: &[(&str, u16)]) {
    let client = cluster.nodes[index].client();
    for (query, code) in expected {
        for method in ["GET", "HEAD"] {
            let answer = client.send(method, &format!("/v1/sys/health{query}"), None).await;
            assert_eq!(answer.status, *code, "{method} sys/health{query} at node {index}");
        }
    }
}

const WRONG: [(&str, u16); 4] =
    [("?standbyok=maybe", 400), ("?perfstandbyok=", 400), ("?activecode=abc", 400), ("?removedcode=x", 400)];

#[tokio::test]
async fn every_code_in_its_state() {
    let mut cluster = Cluster::configured(2, Transport::Plain, &json!({}));
    for node in &mut cluster.nodes {
        node.start().await;
    }
    codes(&cluster, 0, &[("", 501), ("?uninitcode=299", 299), ("?sealedcode=299&standbyok=true", 501)]).await;
    codes(&cluster, 0, &WRONG).await;

    cluster.initialise(1, 1).await;
    codes(&cluster, 0, &[("", 503), ("?sealedcode=200", 200), ("?standbyok=true&perfstandbyok=true", 503)]).await;

    cluster.unseal(0).await;
    cluster.unseal(1).await;
    let leader = cluster.leader().await;
    let standby = cluster.standbys().await[0];
    cluster.serves(standby).await;
    codes(&cluster, leader, &[("", 200), ("?activecode=218", 218), ("?standbycode=299", 200)]).await;
    codes(&cluster, leader, &WRONG).await;
    codes(
        &cluster,
        standby,
        &[
            ("", 473),
            ("?performancestandbycode=299", 299),
            ("?perfstandbyok=true", 200),
            ("?perfstandbyok=1&activecode=218", 218),
            ("?standbyok=true", 200),
            ("?standbycode=299", 473),
        ],
    )
    .await;
    let body = cluster.nodes[standby].client().get("/v1/sys/health").await.body;
    assert_eq!((&body["standby"], &body["performance_standby"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_standby_that_answers_no_reads() {
    let mut cluster = Cluster::configured(2, Transport::Plain, &json!({ "disable_performance_standby": true }));
    for node in &mut cluster.nodes {
        node.start().await;
    }
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.unseal(1).await;
    cluster.leader().await;
    let standby = cluster.standbys().await[0];
    codes(
        &cluster,
        standby,
        &[("", 429), ("?standbycode=299", 299), ("?standbyok=true", 200), ("?perfstandbyok=true", 429)],
    )
    .await;
    let read = cluster.root(standby).get("/v1/sys/mounts").await;
    assert_eq!(read.status, 200, "it forwards what it does not answer");
}
