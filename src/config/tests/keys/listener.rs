//! `listener`, of both kinds.

use std::path::Path;
use std::time::Duration;

use super::{Check, check};
use crate::config::{
    CertificateDecoder, Endpoint, ForwardedFor, Listener, ProxyBehaviour, RequestLimits, ServerConfig, TlsFiles,
    TlsVersion, UnixSocket,
};

pub const CHECKS: &[Check] = &[
    check("listener tcp address", r#"address = "127.0.0.1:9""#, |c| {
        first(c).endpoint.tcp().unwrap().0.to_string() == "127.0.0.1:9"
    }),
    check("listener tcp cluster_address", r#"cluster_address = "127.0.0.1:9""#, |c| {
        first(c).endpoint.tcp().unwrap().1.to_string() == "127.0.0.1:9"
    }),
    check("listener tcp tls_disable", "tls_disable = true", |c| first(c).tls.is_none()),
    check("listener tcp tls_cert_file", r#"tls_cert_file = "/x""#, |c| tls(c).certificate == Path::new("/x")),
    check("listener tcp tls_key_file", r#"tls_key_file = "/x""#, |c| tls(c).key == Path::new("/x")),
    check("listener tcp tls_auto_reload", "tls_auto_reload = true", |c| {
        tls(c).look_again == Some(Duration::from_secs(30))
    }),
    check("listener tcp tls_auto_reload_interval", r#"tls_auto_reload = true tls_auto_reload_interval = "1m""#, |c| {
        tls(c).look_again == Some(Duration::from_secs(60))
    }),
    check("listener tcp tls_min_version", r#"tls_min_version = "tls13""#, |c| tls(c).min_version == TlsVersion::Tls13),
    check("listener tcp tls_max_version", r#"tls_max_version = "tls12""#, |c| tls(c).max_version == TlsVersion::Tls12),
    check("listener tcp tls_cipher_suites", r#"tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384""#, |c| {
        tls(c).cipher_suites.as_ref().is_some_and(|suites| suites == &["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"])
    }),
    check("listener tcp tls_key_exchange_preferences", r#"tls_key_exchange_preferences = ["X25519"]"#, |c| {
        tls(c).key_exchange == Some(vec![rustls::NamedGroup::X25519])
    }),
    check("listener tcp tls_client_ca_file", r#"tls_client_ca_file = "/ca""#, |c| {
        tls(c).client_ca.as_deref() == Some(Path::new("/ca"))
    }),
    check("listener tcp tls_require_and_verify_client_cert", "tls_require_and_verify_client_cert = true", |c| {
        tls(c).client_required
    }),
    check("listener tcp tls_disable_client_certs", "tls_disable_client_certs = true", |c| !tls(c).client_asked),
    check("listener tcp proxy_protocol_behavior", r#"proxy_protocol_behavior = "use_always""#, |c| {
        first(c).proxy.as_ref().is_some_and(|proxy| proxy.behaviour == ProxyBehaviour::UseAlways)
    }),
    check(
        "listener tcp proxy_protocol_authorized_addrs",
        r#"proxy_protocol_behavior = "deny_unauthorized" proxy_protocol_authorized_addrs = "10.0.0.1""#,
        |c| first(c).proxy.as_ref().is_some_and(|proxy| proxy.authorized.contain([10, 0, 0, 1].into())),
    ),
    check("listener tcp x_forwarded_for_authorized_addrs", FORWARDED, |c| {
        forwarded(c).is_some_and(|rules| rules.authorized.contain([10, 1, 1, 1].into()) && rules.reject_not_present)
    }),
    check(
        "listener tcp x_forwarded_for_hop_skips",
        r#"x_forwarded_for_authorized_addrs = ["10.0.0.0/8"] x_forwarded_for_hop_skips = "2""#,
        |c| forwarded(c).is_some_and(|rules| rules.hop_skips == 2),
    ),
    check(
        "listener tcp x_forwarded_for_reject_not_present",
        r#"x_forwarded_for_authorized_addrs = "10.0.0.0/8" x_forwarded_for_reject_not_present = false"#,
        |c| forwarded(c).is_some_and(|rules| !rules.reject_not_present && rules.reject_not_authorized),
    ),
    check(
        "listener tcp x_forwarded_for_reject_not_authorized",
        r#"x_forwarded_for_authorized_addrs = "10.0.0.0/8" x_forwarded_for_reject_not_authorized = "false""#,
        |c| forwarded(c).is_some_and(|rules| rules.reject_not_present && !rules.reject_not_authorized),
    ),
    // What both kinds have.
    check(
        "listener * x_forwarded_for_client_cert_header",
        r#"x_forwarded_for_client_cert_header = "Client-Cert""#,
        |c| first(c).certificate_header.as_ref().is_some_and(|header| header.name == "client-cert"),
    ),
    check(
        "listener * x_forwarded_for_client_cert_decoders",
        r#"x_forwarded_for_client_cert_header = "C" x_forwarded_for_client_cert_decoders = ["URL", "PEM"]"#,
        |c| decoders(c) == [CertificateDecoder::Url, CertificateDecoder::Pem],
    ),
    check(
        "listener * x_forwarded_for_client_cert_header_decoders",
        r#"x_forwarded_for_client_cert_header = "C" x_forwarded_for_client_cert_header_decoders = "DER,RFC9440""#,
        |c| decoders(c) == [CertificateDecoder::Pem, CertificateDecoder::Rfc9440],
    ),
    check("listener * max_request_size", "max_request_size = 10", |c| limits(c).size == 10),
    check("listener * max_request_duration", r#"max_request_duration = "5s""#, |c| {
        limits(c).duration == Duration::from_secs(5)
    }),
    check("listener * max_request_json_memory", "max_request_json_memory = -1", |c| limits(c).json_memory.is_none()),
    check("listener * max_request_json_strings", "max_request_json_strings = 7", |c| limits(c).json_strings == Some(7)),
    check("listener * max_json_depth", "max_json_depth = 7", |c| limits(c).json_depth == 7),
    check("listener * max_json_string_value_length", "max_json_string_value_length = 7", |c| {
        limits(c).json_string_length == Some(7)
    }),
    check("listener * max_json_object_entry_count", "max_json_object_entry_count = 7", |c| {
        limits(c).json_object_entries == Some(7)
    }),
    check("listener * max_json_array_element_count", "max_json_array_element_count = 7", |c| {
        limits(c).json_list_elements == Some(7)
    }),
    check("listener * max_json_token", "max_json_token = 7", |c| limits(c).json_tokens == Some(7)),
    check("listener * http_read_header_timeout", r#"http_read_header_timeout = "3s""#, |c| {
        first(c).timeouts.header == Duration::from_secs(3)
    }),
    check("listener * http_read_timeout", "http_read_timeout = 3", |c| {
        first(c).timeouts.read == Duration::from_secs(3)
    }),
    check("listener * http_write_timeout", r#"http_write_timeout = "3s""#, |c| {
        first(c).timeouts.write == Duration::from_secs(3)
    }),
    check("listener * http_idle_timeout", r#"http_idle_timeout = "3s""#, |c| {
        first(c).timeouts.idle == Duration::from_secs(3)
    }),
    check(
        "listener * custom_response_headers",
        r#"custom_response_headers { "default" = { "X-A" = ["1", "2"] "X-B" = ["b"] } "2xx" = { "X-A" = ["3"] } }"#,
        |c| headers(c, 200) == ["x-a: 3", "x-b: b"] && headers(c, 404) == ["x-a: 1; 2", "x-b: b"],
    ),
    check("listener * require_request_header", "require_request_header = true", |c| first(c).access.request_header),
    check("listener * redact_addresses", "redact_addresses = true", |c| first(c).access.redaction.addresses),
    check("listener * redact_cluster_name", "redact_cluster_name = true", |c| first(c).access.redaction.cluster_name),
    check("listener * redact_version", "redact_version = true", |c| first(c).access.redaction.version),
    check("listener * cors_enabled", "cors_enabled = true", |c| first(c).access.cors.is_some()),
    check("listener * cors_allowed_origins", r#"cors_enabled = true cors_allowed_origins = "a,b""#, |c| {
        first(c).access.cors.as_ref().is_some_and(|cors| cors.origins == ["a", "b"])
    }),
    check("listener * cors_allowed_headers", r#"cors_enabled = true cors_allowed_headers = ["X-A"]"#, |c| {
        first(c).access.cors.as_ref().is_some_and(|cors| cors.headers == ["X-A"])
    }),
    check("listener * cors_allow_credentials", "cors_enabled = true cors_allow_credentials = true", |c| {
        first(c).access.cors.as_ref().is_some_and(|cors| cors.credentials)
    }),
    check("listener * disable_unauthed_rekey_endpoints", "disable_unauthed_rekey_endpoints = false", |c| {
        first(c).doors.rekey
    }),
    check(
        "listener * disable_unauthed_generate_root_endpoints",
        "disable_unauthed_generate_root_endpoints = false",
        |c| first(c).doors.generate_root,
    ),
    check("listener * role", r#"role = "metrics_only""#, |c| first(c).metrics.only),
    check("listener * telemetry unauthenticated_metrics_access", "unauthenticated_metrics_access = true", |c| {
        first(c).metrics.open
    }),
    check("listener * telemetry disallow_metrics", "disallow_metrics = true", |c| first(c).metrics.disallowed),
    check("listener * telemetry metrics_only", "metrics_only = true", |c| first(c).metrics.only),
    check("listener unix address", r#"address = "/t""#, |c| {
        unix(c).is_some_and(|socket| socket.path == Path::new("/t"))
    }),
    check("listener unix socket_mode", r#"socket_mode = "660""#, |c| {
        unix(c).is_some_and(|socket| socket.mode == Some(0o660))
    }),
    check("listener unix socket_user", r#"socket_user = "root""#, |c| {
        unix(c).is_some_and(|socket| socket.user.as_deref() == Some("root"))
    }),
    check("listener unix socket_group", r#"socket_group = "1000""#, |c| {
        unix(c).is_some_and(|socket| socket.group.as_deref() == Some("1000"))
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "listener tcp",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_cert_file = "/c" tls_key_file = "/k" HERE }"#,
    ),
    (
        "listener tcp telemetry",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true telemetry { HERE } }"#,
    ),
    (
        "listener unix",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "unix" { address = "/s" HERE }
        listener "tcp" { tls_disable = true }"#,
    ),
    (
        "listener unix telemetry",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "unix" { address = "/s" telemetry { HERE } }
        listener "tcp" { tls_disable = true }"#,
    ),
];

const FORWARDED: &str = r#"x_forwarded_for_authorized_addrs = "10.0.0.0/8, 1.2.3.4""#;

fn first(config: &ServerConfig) -> &Listener {
    &config.listeners[0]
}

fn tls(config: &ServerConfig) -> &TlsFiles {
    first(config).tls.as_ref().unwrap()
}

fn limits(config: &ServerConfig) -> RequestLimits {
    first(config).limits
}

fn forwarded(config: &ServerConfig) -> Option<&ForwardedFor> {
    first(config).forwarded.as_ref()
}

fn decoders(config: &ServerConfig) -> &[CertificateDecoder] {
    first(config).certificate_header.as_ref().map_or(&[], |header| &header.decoders)
}

fn headers(config: &ServerConfig, status: u16) -> Vec<String> {
    let text = |(name, value): &(http::HeaderName, http::HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut all: Vec<String> = first(config).headers.of(status).map(text).collect();
    all.sort();
    all
}

fn unix(config: &ServerConfig) -> Option<&UnixSocket> {
    match &first(config).endpoint {
        Endpoint::Unix(socket) => Some(socket),
        Endpoint::Tcp { .. } => None,
    }
}
