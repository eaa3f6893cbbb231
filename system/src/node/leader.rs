//! `sys/leader`.

use holdfast_core::replication::Role;
use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, Path, Verb, json};
use serde::Serialize;

use super::{Local, Nothing};

#[derive(Serialize, JsonSchema)]
struct Leader {
    ha_enabled: bool,
    /// Whether this node is active.
    is_self: bool,
    active_time: String,
    leader_address: String,
    leader_cluster_address: String,
    performance_standby: bool,
    performance_standby_last_remote_wal: u64,
    raft_committed_index: u64,
    raft_applied_index: u64,
}

pub fn path() -> Path {
    Path::new("leader")
        .help("Tells which node is active.", "As far as this node knows.")
        .open()
        .ids([(Verb::Read, "leader-status")])
        .node::<Nothing, Bare<Leader>>(Verb::Read)
}

pub fn answer(local: &Local) -> Response {
    let node = &local.node;
    if node.is_sealed() {
        return Response::errors(503, &["Vault is sealed"]);
    }
    let role = node.role();
    let is_self = matches!(role, Role::Active { .. });
    let own = node.replication.joining();
    let (api, cluster) = match role {
        Role::Active { .. } => (own.api_address, format!("https://{}", own.address)),
        Role::Standby { leader } => (leader.api_address, format!("https://{}", leader.cluster_address)),
        Role::Unknown => (String::new(), String::new()),
    };
    let since = (local.active_since)().filter(|_| is_self);
    let position = node.replication.position();
    let leader = Leader {
        ha_enabled: true,
        is_self,
        active_time: since.map_or("0001-01-01T00:00:00Z".to_owned(), sdk::timestamp),
        leader_address: api,
        leader_cluster_address: cluster,
        performance_standby: local.serve_reads && node.reads_as_standby(),
        performance_standby_last_remote_wal: 0,
        raft_committed_index: position.committed,
        raft_applied_index: position.applied,
    };
    Response::json(200, &json!(leader))
}
