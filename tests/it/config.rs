//! A configuration that cannot be used stops the start: exit status 1, and a sentence with file and line.

use tempfile::TempDir;

use crate::harness::{Cluster, Ran, Transport, run};

const GOOD: &str =
    "storage \"raft\" { path = \"/nowhere\" node_id = \"n\" }\nlistener \"tcp\" { tls_disable = true }\n";

/// Starts a server with this text as its configuration; it must not come up.
fn refused(text: &str) -> Ran {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("server.hcl");
    std::fs::write(&file, text).unwrap();
    let ran = run(&["server", &format!("-config={}", file.display())]);
    assert_eq!(ran.status, 1, "{ran:?}");
    ran
}

#[test]
fn a_bad_value() {
    let ran = refused(&format!("{GOOD}max_lease_ttl = \"forever\""));
    assert!(ran.err.starts_with("Error loading configuration: /"), "{}", ran.err);
    let said = "server.hcl:3: `max_lease_ttl` is \"forever\": it must be a duration such as \"30s\" or \"768h\"\n";
    assert!(ran.err.ends_with(said), "{}", ran.err);
}

#[test]
fn bad_syntax() {
    let ran = refused(&format!("{GOOD}audit \"file\" {{"));
    assert!(ran.err.contains("server.hcl:3: "), "{}", ran.err);
}

#[test]
fn no_configuration_at_all() {
    let ran = run(&["server"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("give a file or a folder with -config"), "{}", ran.err);
    let ran = run(&["server", "-config=/nowhere.hcl"]);
    assert!(ran.err.contains("/nowhere.hcl: cannot be read: "), "{}", ran.err);
}

#[tokio::test]
async fn a_port_in_use() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &serde_json::json!({}));
    let _holder = std::net::TcpListener::bind(("127.0.0.1", cluster.nodes[0].api_port)).unwrap();
    cluster.nodes[0].launch();
    let status = cluster.nodes[0].ended().await;
    assert_eq!(status.code(), Some(1));
    let log = cluster.nodes[0].log();
    assert!(
        log.contains(&format!("127.0.0.1:{}", cluster.nodes[0].api_port)) && log.contains("Error starting"),
        "{log}"
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_there() {
    let mut cluster = Cluster::configured(1, Transport::Tls, &serde_json::json!({}));
    std::fs::remove_file(cluster.folder().join("tls.pem")).unwrap();
    cluster.nodes[0].launch();
    assert_eq!(cluster.nodes[0].ended().await.code(), Some(1));
    let log = cluster.nodes[0].log();
    assert!(log.contains("tls.pem"), "{log}");
}

#[tokio::test]
async fn an_unknown_key_is_a_warning_with_its_line() {
    let more = serde_json::json!({ "log_levle": "info", "ui": true });
    let mut cluster = Cluster::configured(1, Transport::Plain, &more);
    cluster.nodes[0].start().await;
    let log = cluster.nodes[0].log();
    assert!(log.contains("server.json:") && log.contains("did you mean `log_level`?"), "{log}");
    assert!(log.contains("`ui` is ignored (not offered)"), "{log}");
}
