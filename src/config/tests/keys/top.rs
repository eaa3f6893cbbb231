//! Keys outside of any block.

use std::path::Path;
use std::time::Duration;

use super::{Check, check};
use crate::config::{Doors, LogFile, LogFormat, LogLevel, OutboundHost, ServerConfig};

pub const CHECKS: &[Check] = &[
    check("cluster_name", r#"cluster_name = "prod""#, |c| c.cluster_name.as_deref() == Some("prod")),
    check("api_addr", r#"api_addr = "https://h:1""#, |c| c.api_address.to_string() == "https://h:1"),
    check("cluster_addr", r#"cluster_addr = "h:2""#, |c| c.cluster_address.to_string() == "h:2"),
    check("disable_standby_reads", "disable_standby_reads = true", |c| !c.standby_reads),
    check("disable_performance_standby", "disable_performance_standby = true", |c| !c.standby_reads),
    check("disable_mlock", "disable_mlock = true", |c| !c.lock_memory),
    check("enable_unauthenticated_access", r#"enable_unauthenticated_access = ["rekey"]"#, |c| {
        c.listeners[0].doors == Doors { rekey: true, generate_root: false }
    }),
    check("snapshot_auto_folders", r#"snapshot_auto_folders = ["/a", "/b"]"#, |c| {
        c.snapshot_auto_folders == [Path::new("/a"), Path::new("/b")]
    }),
    check("outbound_hosts", r#"outbound_hosts = ["KMS.example", "h:8200"]"#, |c| {
        let host = |host: &str, port| OutboundHost { host: host.into(), port };
        c.outbound_hosts == [host("kms.example", None), host("h", Some(8200))]
    }),
    check("unseal_from_members", "unseal_from_members = true", |c| c.unseal_from_members),
    check("pid_file", r#"pid_file = "/p""#, |c| c.pid_file.as_deref() == Some(Path::new("/p"))),
    check("default_lease_ttl", r#"default_lease_ttl = "1h""#, |c| c.leases.default == Duration::from_secs(3600)),
    check("max_lease_ttl", r#"max_lease_ttl = "1h""#, |c| c.leases.max == Duration::from_secs(3600)),
    check("log_level", r#"log_level = "warn""#, |c| c.log.level == LogLevel::Warn),
    check("log_format", r#"log_format = "json""#, |c| c.log.format == LogFormat::Json),
    check("log_file", r#"log_file = "/l""#, |c| file(c).is_some_and(|file| file.path == Path::new("/l"))),
    check("log_rotate_bytes", r#"log_file = "/l" log_rotate_bytes = 9"#, |c| {
        file(c).is_some_and(|file| file.rotate_bytes == Some(9))
    }),
    check("log_rotate_duration", r#"log_file = "/l" log_rotate_duration = "1h""#, |c| {
        file(c).is_some_and(|file| file.rotate_after == Duration::from_secs(3600))
    }),
    check("log_rotate_max_files", r#"log_file = "/l" log_rotate_max_files = "3""#, |c| {
        file(c).is_some_and(|file| file.rotate_max_files == Some(3))
    }),
    check("log_requests_level", r#"log_requests_level = "trace""#, |c| c.log.requests == Some(LogLevel::Trace)),
    check("default_max_request_duration", r#"default_max_request_duration = "7s""#, |c| {
        c.listeners[0].limits.duration == Duration::from_secs(7)
    }),
    check("enable_response_header_hostname", "enable_response_header_hostname = true", |c| c.tell_hostname),
    check("enable_response_header_raft_node_id", "enable_response_header_raft_node_id = 1", |c| c.tell_node_id),
];

pub const BLOCKS: &[(&str, &str)] = &[(
    "",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    HERE"#,
)];

fn file(config: &ServerConfig) -> Option<&LogFile> {
    config.log.file.as_ref()
}
