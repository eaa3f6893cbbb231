//! A configuration as it may be shown: what is in force, without keys, certificates and credentials.

use sdk::{Map, Value, json};

use super::listener::{Endpoint, Listener};
use super::log::LogLevel;
use super::seal::{Seal, SealedBy};
use super::server::ServerConfig;

impl ServerConfig {
    /// Under the names of the configuration's own keys. Of blocks, only those fields are here that are listed: a new one is
    /// secret until it is added.
    pub fn sanitized(&self) -> Map<String, Value> {
        let mut seals: Vec<Value> = self.seals.iter().map(seal).collect();
        if seals.is_empty() {
            seals.push(json!({"type": "shamir", "disabled": false}));
        }
        let shown = json!({
            "api_addr": self.api_address.to_string(),
            "cluster_addr": format!("https://{}", self.cluster_address),
            "cluster_name": self.cluster_name.as_deref().unwrap_or_default(),
            "default_lease_ttl": self.leases.default.as_secs(),
            "max_lease_ttl": self.leases.max.as_secs(),
            "disable_mlock": !self.lock_memory,
            "disable_performance_standby": !self.standby_reads,
            "enable_response_header_hostname": self.tell_hostname,
            "enable_response_header_raft_node_id": self.tell_node_id,
            "listeners": self.listeners.iter().map(listener).collect::<Vec<_>>(),
            "log_format": format!("{:?}", self.log.format).to_lowercase(),
            "log_level": self.log.level.name(),
            "log_requests_level": self.log.requests.map_or("off", LogLevel::name),
            "pid_file": self.pid_file.as_deref().map(|path| path.to_string_lossy()).unwrap_or_default(),
            "seals": seals,
            "storage": {
                "type": "raft",
                "cluster_addr": format!("https://{}", self.cluster_address),
                "redirect_addr": self.api_address.to_string(),
                "disable_clustering": false,
                "raft": {
                    "node_id": self.storage.node_id,
                    "path": self.storage.path,
                    "max_entry_size": self.storage.max_entry_size,
                },
            },
            "telemetry": {"prometheus_enabled": self.telemetry.prometheus, "otlp_enabled": self.telemetry.traces.is_some()},
            "unseal_from_members": self.unseal_from_members,
        });
        match shown {
            Value::Object(shown) => shown,
            _ => Map::new(),
        }
    }
}

fn seal(seal: &Seal) -> Value {
    let config = match &seal.by {
        SealedBy::Static(keys) => json!({"current_key_id": keys.current.id}),
        SealedBy::Transit(transit) => json!({
            "address": transit.address,
            "key_name": transit.key_name,
            "mount_path": transit.mount_path,
            "namespace": transit.namespace.as_deref().unwrap_or_default(),
        }),
        SealedBy::Hsm(hsm) => json!({"lib": hsm.lib, "key": hsm.key.to_string()}),
    };
    json!({
        "type": seal.by.kind(),
        "name": seal.name,
        "priority": seal.priority,
        "disabled": seal.disabled,
        "config": config,
    })
}

fn listener(listener: &Listener) -> Value {
    match &listener.endpoint {
        Endpoint::Tcp { address, cluster_address } => json!({
            "type": "tcp",
            "config": {
                "address": address.to_string(),
                "cluster_address": cluster_address.to_string(),
                "tls_disable": listener.tls.is_none(),
            },
        }),
        Endpoint::Unix(socket) => json!({"type": "unix", "config": {"address": socket.path}}),
    }
}
