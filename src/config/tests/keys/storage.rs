//! `storage "raft"` and `retry_join` in it.

use std::path::Path;
use std::time::Duration;

use super::{Check, check};
use crate::config::{Pem, RetryJoin, ServerConfig};

pub const CHECKS: &[Check] = &[
    check("storage raft path", r#"path = "/e""#, |c| c.storage.path == Path::new("/e")),
    check("storage raft node_id", r#"node_id = "m""#, |c| c.storage.node_id == "m"),
    check("storage raft performance_multiplier", "performance_multiplier = 2", |c| {
        c.storage.timing.heartbeat == Duration::from_millis(100)
    }),
    check("storage raft heartbeat_interval", r#"heartbeat_interval = "60ms""#, |c| {
        c.storage.timing.heartbeat == Duration::from_millis(60)
    }),
    check("storage raft election_timeout", r#"election_timeout = "1s""#, |c| {
        c.storage.timing.election_min == Duration::from_secs(1)
    }),
    check("storage raft max_entry_size", "max_entry_size = 65536", |c| c.storage.max_entry_size == 65536),
    check("storage raft min_free_space", "min_free_space = 4096", |c| c.storage.min_free_space == 4096),
    check("storage raft snapshot_rate_limit", "snapshot_rate_limit = 0", |c| c.storage.snapshot_rate_limit.is_none()),
    check("storage raft replication_feed_max_size", "replication_feed_max_size = 1048576", |c| {
        c.storage.replication_feed_max_size == 1 << 20
    }),
    check(
        "storage raft retry_join_as_non_voter",
        r#"retry_join_as_non_voter = true retry_join { leader_api_addr = "http://h:1" }"#,
        |c| c.storage.retry_join_as_non_voter,
    ),
    check("storage raft read_index_only", "read_index_only = true", |c| c.storage.read_index_only),
    check("storage raft retry_join leader_api_addr", r#"leader_api_addr = "https://h:1""#, |c| {
        target(c).leader.to_string() == "https://h:1"
    }),
    check("storage raft retry_join leader_ca_cert_file", r#"leader_ca_cert_file = "/ca""#, |c| {
        target(c).ca == Some(Pem::File("/ca".into()))
    }),
    check("storage raft retry_join leader_ca_cert", r#"leader_ca_cert = "-----BEGIN X""#, |c| {
        target(c).ca == Some(Pem::Text("-----BEGIN X".into()))
    }),
    check("storage raft retry_join leader_client_cert_file", CLIENT_FILES, |c| client(c, 0) == Some(&file("/c"))),
    check("storage raft retry_join leader_client_key_file", CLIENT_FILES, |c| client(c, 1) == Some(&file("/k"))),
    check("storage raft retry_join leader_client_cert", CLIENT_TEXTS, |c| client(c, 0) == Some(&pem("-----BEGIN C"))),
    check("storage raft retry_join leader_client_key", CLIENT_TEXTS, |c| client(c, 1) == Some(&pem("-----BEGIN K"))),
    check("storage raft retry_join leader_tls_servername", r#"leader_tls_servername = "v""#, |c| {
        target(c).server_name.as_deref() == Some("v")
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "storage raft",
        r#"storage "raft" { path = "/d" node_id = "n" HERE }
        listener "tcp" { tls_disable = true }"#,
    ),
    (
        "storage raft retry_join",
        r#"storage "raft" { path = "/d" node_id = "n" retry_join { leader_api_addr = "http://h:1" HERE } }
        listener "tcp" { tls_disable = true }"#,
    ),
];

const CLIENT_FILES: &str = r#"leader_client_cert_file = "/c" leader_client_key_file = "/k""#;
const CLIENT_TEXTS: &str = r#"leader_client_cert = "-----BEGIN C" leader_client_key = "-----BEGIN K""#;

fn target(config: &ServerConfig) -> &RetryJoin {
    &config.storage.retry_join[0]
}

fn client(config: &ServerConfig, which: usize) -> Option<&Pem> {
    let (certificate, key) = target(config).client.as_ref()?;
    Some([certificate, key][which])
}

fn file(path: &str) -> Pem {
    Pem::File(path.into())
}

fn pem(text: &str) -> Pem {
    Pem::Text(text.into())
}
