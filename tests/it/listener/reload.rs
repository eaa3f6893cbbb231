//! SIGHUP: what follows the configuration, what waits, and what happens to a bad one.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{change, listening, logged, plain, request};
use crate::harness::{Client, Cluster, Transport, until};

async fn said(cluster: &Cluster, what: &str) {
    until(&format!("the log should say {what:?}"), async || cluster.nodes[0].log().contains(what).then_some(())).await;
}

/// Puts a certificate of another authority in the place of the server's, and returns that authority's file.
fn another_certificate(folder: &Path) -> std::path::PathBuf {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "another authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(folder.join("tls.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    let file = folder.join("another-ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    file
}

#[tokio::test]
async fn a_certificate_is_read_again_and_a_broken_one_is_not_taken() {
    let cluster = listening(Transport::Tls, json!({}), json!({})).await;
    let node = &cluster.nodes[0];
    let old = node.client();
    assert_eq!(old.get("/v1/sys/seal-status").await.status, 200);

    fs::write(cluster.folder().join("tls.pem"), "broken").unwrap();
    node.signal("HUP");
    said(&cluster, "cannot be read again; it stays as it was").await;
    assert_eq!(node.client().get("/v1/sys/seal-status").await.status, 200, "the old one still counts");

    let ca = another_certificate(cluster.folder());
    node.signal("HUP");
    let new = Client::new(&node.url(), Some(&ca));
    until("the new certificate should be shown", async || new.health().await).await;
    assert!(
        node.client().try_send("GET", "/v1/sys/seal-status", None).await.is_err(),
        "new connections get the new one"
    );
    assert_eq!(old.get("/v1/sys/seal-status").await.status, 200, "a connection that is open goes on");
}

#[tokio::test]
async fn a_certificate_is_looked_at_from_time_to_time() {
    let looking = json!({ "tls_auto_reload": true, "tls_auto_reload_interval": "5s" });
    let cluster = listening(Transport::Tls, looking, json!({})).await;
    let ca = another_certificate(cluster.folder());
    let new = Client::new(&cluster.nodes[0].url(), Some(&ca));
    until("the new certificate should be shown", async || new.health().await).await;
}

#[tokio::test]
async fn levels_headers_and_the_log_file_follow_and_the_rest_is_named() {
    let cluster = Cluster::configured(1, Transport::Plain, &json!({ "log_level": "warn" }));
    let mut cluster = cluster;
    let log = cluster.folder().join("lines.log");
    change(&cluster, |config| config["log_file"] = log.to_str().into());
    cluster.nodes[0].start().await;
    let client = cluster.nodes[0].client();
    let missing = async || client.get("/v1/sys/seal-status").await.headers.get("x-new").cloned();
    assert_eq!(missing().await, None);
    fs::rename(&log, cluster.folder().join("lines.log.1")).unwrap();

    change(&cluster, |config| {
        config["log_level"] = "info".into();
        config["log_requests_level"] = "info".into();
        config["cluster_name"] = "later".into();
        config["listener"][0]["tcp"]["custom_response_headers"] = json!({ "default": { "X-New": ["1"] } });
    });
    cluster.nodes[0].signal("HUP");
    until("answers should have the new header", missing).await;
    said(&cluster, "completed_request").await;
    said(&cluster, "this has changed and waits for the next start key=\"cluster_name\"").await;
    assert!(!cluster.nodes[0].log().contains("waits for the next start key=\"log_level\""));
    until("the new log file should have lines", async || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("completed_request")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing() {
    let cluster = listening(Transport::Plain, json!({}), logged()).await;
    let mut open = plain(&cluster).await;
    change(&cluster, |config| {
        config["log_requests_level"] = "off".into();
        config["max_lease_ttl"] = "for ever".into();
    });
    cluster.nodes[0].signal("HUP");
    said(&cluster, "the configuration cannot be used; all stays as it was").await;
    said(&cluster, "`max_lease_ttl` is \"for ever\"").await;
    open.write_all(request("").as_bytes()).await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    said(&cluster, "completed_request").await;
}
