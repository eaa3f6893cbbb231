//! `listener`.

use std::path::Path;
use std::time::Duration;

use super::{Check, check};
use crate::config::{Listener, ServerConfig, TlsFiles, TlsVersion};

pub const CHECKS: &[Check] = &[
    check("listener tcp address", r#"address = "127.0.0.1:9""#, |c| first(c).address.to_string() == "127.0.0.1:9"),
    check("listener tcp cluster_address", r#"cluster_address = "127.0.0.1:9""#, |c| {
        first(c).cluster_address.to_string() == "127.0.0.1:9"
    }),
    check("listener tcp disable_unauthed_rekey_endpoints", "disable_unauthed_rekey_endpoints = false", |c| {
        first(c).limits.doors.rekey
    }),
    check(
        "listener tcp disable_unauthed_generate_root_endpoints",
        "disable_unauthed_generate_root_endpoints = false",
        |c| first(c).limits.doors.generate_root,
    ),
    check("listener tcp tls_disable", "tls_disable = true", |c| first(c).tls.is_none()),
    check("listener tcp tls_cert_file", r#"tls_cert_file = "/x""#, |c| tls(c).certificate == Path::new("/x")),
    check("listener tcp tls_key_file", r#"tls_key_file = "/x""#, |c| tls(c).key == Path::new("/x")),
    check("listener tcp tls_min_version", r#"tls_min_version = "tls13""#, |c| tls(c).min_version == TlsVersion::Tls13),
    check("listener tcp tls_client_ca_file", r#"tls_client_ca_file = "/ca""#, |c| {
        tls(c).client_ca.as_deref() == Some(Path::new("/ca"))
    }),
    check("listener tcp tls_require_and_verify_client_cert", "tls_require_and_verify_client_cert = true", |c| {
        tls(c).client_required
    }),
    check("listener tcp tls_disable_client_certs", "tls_disable_client_certs = true", |c| !tls(c).client_asked),
    check("listener tcp max_request_size", "max_request_size = 10", |c| first(c).limits.size == 10),
    check("listener tcp max_request_duration", r#"max_request_duration = "5s""#, |c| {
        first(c).limits.duration == Duration::from_secs(5)
    }),
    check("listener tcp max_json_depth", "max_json_depth = 7", |c| first(c).limits.json_depth == 7),
    check("listener tcp max_request_json_strings", "max_request_json_strings = 7", |c| {
        first(c).limits.json_strings == Some(7)
    }),
    check("listener tcp http_read_header_timeout", r#"http_read_header_timeout = "3s""#, |c| {
        first(c).header_timeout == Duration::from_secs(3)
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[(
    "listener tcp",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_cert_file = "/c" tls_key_file = "/k" HERE }"#,
)];

fn first(config: &ServerConfig) -> &Listener {
    &config.listeners[0]
}

fn tls(config: &ServerConfig) -> &TlsFiles {
    first(config).tls.as_ref().unwrap()
}
