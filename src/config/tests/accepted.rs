//! What is read, and what the values become.

use std::path::Path;
use std::time::Duration;

use holdfast_core::audit::Target;

use super::{Environment, clean, folder, load_in, load_named, minimal};
use crate::config::{Listener, LogFormat, LogLevel, Pem, RaftTiming, RequestLimits, ServerConfig, TlsVersion};

fn addresses(config: &ServerConfig, listener: usize) -> (String, String) {
    let (address, cluster_address) = config.listeners[listener].endpoint.tcp().unwrap();
    (address.to_string(), cluster_address.to_string())
}

#[test]
fn the_least_there_can_be() {
    let config = clean(&minimal(""));
    assert_eq!(config.storage.node_id, "n1");
    assert_eq!(config.storage.timing, RaftTiming::default());
    assert_eq!(config.storage.max_entry_size, 1 << 20);
    assert_eq!(addresses(&config, 0).0, "127.0.0.1:8200");
    assert_eq!(addresses(&config, 0).1, "127.0.0.1:8201");
    assert_eq!(config.listeners[0].tls, None);
    assert_eq!(config.listeners[0].limits, RequestLimits::default());
    assert_eq!(config.listeners, [Listener::at(([127, 0, 0, 1], 8200).into())]);
    assert_eq!(config.api_address.to_string(), "http://127.0.0.1:8200");
    assert_eq!(config.cluster_address.to_string(), "127.0.0.1:8201");
    assert_eq!(config.seals, []);
    assert_eq!(config.leases.max, Duration::from_secs(768 * 3600));
    assert!(config.standby_reads && config.lock_memory);
    assert_eq!((config.log.level, config.log.format), (LogLevel::Info, LogFormat::Standard));
}

#[test]
fn every_key_of_a_production_node() {
    let config = clean(
        r#"
        cluster_name  = "prod"
        api_addr      = "https://vault.example.com"
        cluster_addr  = "https://10.0.0.1:8201"
        disable_mlock = "true"
        disable_performance_standby = true
        default_lease_ttl = "10h"
        max_lease_ttl     = 72000
        log_level  = "Debug"
        log_format = "json"
        pid_file   = "/run/holdfast.pid"

        storage "raft" {
          path    = "/var/lib/holdfast"
          node_id = "node-1"
          performance_multiplier = "5"
          max_entry_size = 2097152
          retry_join {
            leader_api_addr         = "https://10.0.0.2:8200"
            leader_ca_cert_file     = "/etc/ca.pem"
            leader_client_cert_file = "/etc/c.pem"
            leader_client_key_file  = "/etc/k.pem"
            leader_tls_servername   = "vault"
          }
          retry_join { leader_api_addr = "http://[fd00::3]:8200" }
        }
        listener "tcp" {
          address         = "0.0.0.0:8200"
          cluster_address = "0.0.0.0:8201"
          tls_cert_file   = "/etc/tls/cert.pem"
          tls_key_file    = "/etc/tls/key.pem"
          tls_min_version = "tls13"
          tls_client_ca_file = "/etc/tls/ca.pem"
          tls_require_and_verify_client_cert = true
          max_request_size     = 2048
          max_request_duration = "30s"
          max_json_depth       = 100
          max_request_json_strings = 20
        }
        listener "tcp" { address = ":9200" tls_disable = 1 }
        seal "shamir" {}
        audit "file" "main/" {
          description = "all of it"
          options { file_path = "/var/log/audit.log" mode = "0640" prefix = "audit: " }
        }
        "#,
    );
    assert_eq!(config.cluster_name.as_deref(), Some("prod"));
    assert_eq!(config.api_address.to_string(), "https://vault.example.com:443");
    assert_eq!(config.cluster_address.to_string(), "10.0.0.1:8201");
    assert!(!config.standby_reads && !config.lock_memory);
    assert_eq!(config.leases.default, Duration::from_secs(36_000));
    assert_eq!(config.leases.max, Duration::from_secs(72_000));
    assert_eq!((config.log.level, config.log.format), (LogLevel::Debug, LogFormat::Json));

    let timing = config.storage.timing;
    assert_eq!(timing.heartbeat, Duration::from_millis(250));
    assert_eq!(timing.election_min, Duration::from_secs(1));
    assert_eq!(timing.election_max, Duration::from_secs(2));
    assert_eq!(config.storage.max_entry_size, 2 << 20);
    let [first, second] = &config.storage.retry_join[..] else { panic!("two were written") };
    assert_eq!(first.leader.to_string(), "https://10.0.0.2:8200");
    assert_eq!(first.ca, Some(Pem::File("/etc/ca.pem".into())));
    assert_eq!(first.client, Some((Pem::File("/etc/c.pem".into()), Pem::File("/etc/k.pem".into()))));
    assert_eq!(first.server_name.as_deref(), Some("vault"));
    assert_eq!(second.leader.to_string(), "http://[fd00::3]:8200");

    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!((tls.min_version, tls.client_required), (TlsVersion::Tls13, true));
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("/etc/tls/ca.pem")));
    let limits = config.listeners[0].limits;
    assert_eq!((limits.size, limits.duration), (2048, Duration::from_secs(30)));
    assert_eq!((limits.json_depth, limits.json_strings), (100, Some(20)));
    assert_eq!(addresses(&config, 1).0, "0.0.0.0:9200");
    assert_eq!(addresses(&config, 1).1, "0.0.0.0:9201");

    let device = &config.audit[0];
    assert_eq!((device.path.as_str(), device.description.as_str()), ("main", "all of it"));
    assert_eq!((device.kind.as_str(), device.options["file_path"].as_str()), ("file", "/var/log/audit.log"));
    let Target::File { path, mode, sync: false } = &device.plan.target else { panic!("it is a file") };
    assert_eq!((path.as_path(), *mode), (Path::new("/var/log/audit.log"), Some(0o640)));
    assert_eq!(device.plan.rules.prefix, "audit: ");
}

#[test]
fn json_with_its_nested_lists() {
    let text = r#"{"storage": {"raft": {"path": "/d", "node_id": "node1", "performance_multiplier": "1",
          "retry_join": [{"leader_api_addr": "http://127.0.0.1:1"}]}},
        "listener": [{"tcp": {"address": "127.0.0.1:18200", "cluster_address": "127.0.0.1:18201", "tls_disable": true,
          "max_request_size": 2048}}],
        "api_addr": "http://127.0.0.1:18200", "cluster_addr": "https://127.0.0.1:18201", "disable_mlock": true,
        "default_lease_ttl": "768h", "max_lease_ttl": "768h", "log_level": "info",
        "audit": [{"file": {"main": {"options": {"file_path": "/a.log"}}}}]}"#;
    let (config, warnings) = load_named("server.json", text).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.listeners[0].limits.size, 2048);
    assert_eq!(config.api_address.at.port, 18200);
    assert_eq!(config.cluster_address.port, 18201);
    assert_eq!(config.storage.retry_join.len(), 1);
    assert_eq!(config.audit[0].path, "main");
}

#[test]
fn a_folder_is_read_by_name_and_later_values_count() {
    let (_keep, path) = folder(&[
        ("10-base.hcl", &minimal("log_level = \"error\"\ncluster_name = \"a\"")),
        (
            "20-more.json",
            r#"{"log_level": "debug", "listener": {"tcp": {"address": "127.0.0.1:8300", "tls_disable": true}}}"#,
        ),
        ("30-left.hcl.swp", "not read"),
        (".40-hidden.hcl", "not read"),
    ]);
    let (config, warnings) = load_in(&[path.clone(), path.join("10-base.hcl")], &Environment::default()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.cluster_name.as_deref(), Some("a"));
    assert_eq!(config.listeners.len(), 2, "the file that the folder holds counts once");
}

#[test]
fn the_environment_goes_before_the_file() {
    let (_keep, path) = folder(&[("a.hcl", &minimal("api_addr = \"http://127.0.0.1:1\""))]);
    let environment = Environment {
        api_addr: Some("https://10.0.0.9:8200".into()),
        cluster_addr: Some("10.0.0.9:9000".into()),
        raft_node_id: Some("other".into()),
        raft_path: Some("/elsewhere".into()),
        log_level: Some("trace".into()),
        ..Environment::default()
    };
    let (config, warnings) = load_in(&[path], &environment).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.api_address.to_string(), "https://10.0.0.9:8200");
    assert_eq!(config.cluster_address.to_string(), "10.0.0.9:9000");
    assert_eq!(config.storage.node_id, "other");
    assert_eq!(config.storage.path, Path::new("/elsewhere"));
    assert_eq!(config.log.level, LogLevel::Trace);
}

#[test]
fn a_node_without_a_name_is_called_after_its_host() {
    let text = "storage \"raft\" { path = \"/d\" }\nlistener \"tcp\" { tls_disable = true }";
    let (_keep, path) = folder(&[("a.hcl", text)]);
    let environment = Environment { host_name: Some("host-7".into()), ..Environment::default() };
    let (config, _) = load_in(&[path], &environment).unwrap();
    assert_eq!(config.storage.node_id, "host-7");
}

#[test]
fn addresses_that_are_not_given_follow_from_those_that_are() {
    let listening = |listener: &str, more: &str| {
        clean(&format!(
            "storage \"raft\" {{ path = \"/d\" node_id = \"n\" }}\nlistener \"tcp\" {{ {listener} tls_disable = true }}\n{more}"
        ))
    };
    let config = listening("address = \"[::1]:7000\"", "");
    assert_eq!(config.api_address.to_string(), "http://[::1]:7000");
    assert_eq!(config.cluster_address.to_string(), "[::1]:7001");
    let config = listening("address = \"10.1.1.1\"", "");
    assert_eq!(addresses(&config, 0).0, "10.1.1.1:8200");
    // Behind a balancer on another port, nodes still meet on the listener's own.
    let config = listening("address = \"0.0.0.0:8200\"", "api_addr = \"https://lb.example.com:443\"");
    assert_eq!(config.cluster_address.to_string(), "lb.example.com:8201");
    let config = listening("address = \"localhost:0\"", "");
    assert_eq!(addresses(&config, 0).1, "127.0.0.1:0");
}

#[test]
fn a_slow_heartbeat_stretches_the_election() {
    let timing = |keys: &str| {
        let text = format!(
            "storage \"raft\" {{ path = \"/d\" node_id = \"n\" {keys} }}\nlistener \"tcp\" {{ tls_disable = true }}"
        );
        clean(&text).storage.timing
    };
    let slow = timing("heartbeat_interval = \"200ms\"");
    assert_eq!((slow.election_min, slow.election_max), (Duration::from_millis(800), Duration::from_millis(1600)));
    let set = timing("heartbeat_interval = \"20ms\" election_timeout = \"100ms\"");
    assert_eq!((set.heartbeat, set.election_min), (Duration::from_millis(20), Duration::from_millis(100)));
    assert_eq!(timing("performance_multiplier = 0"), RaftTiming::default());
}

#[test]
fn a_key_given_as_text_is_not_shown() {
    let text = Pem::Text("-----BEGIN PRIVATE KEY-----\nsecret".into());
    assert_eq!(format!("{text:?}"), "Pem::Text");
}
