//! `sys/seal-status`.

use holdfast_core::lifecycle::{Node, SealStatus};
use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, Path, Verb, json};
use serde::Serialize;

use super::{Nothing, VERSION};

#[derive(Serialize, JsonSchema)]
pub(super) struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    initialized: bool,
    sealed: bool,
    /// How many shares are needed.
    t: u8,
    /// How many shares there are.
    n: u8,
    /// How many were given.
    progress: usize,
    nonce: String,
    version: &'static str,
    build_date: &'static str,
    commit_date: &'static str,
    /// Whether this node's configuration asks for another seal than the cluster has.
    migration: bool,
    /// Whether the shares are for recovery, because the cluster unseals by itself.
    recovery_seal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_seal_type: Option<&'static str>,
    storage_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_from_cluster: Option<bool>,
    /// Why it is known that this node's state is not that of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_diverged: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
}

pub fn path() -> Path {
    Path::new("seal-status")
        .help("Tells whether this node is sealed.", "And how far unsealing it has come.")
        .open()
        .ids([(Verb::Read, "seal-status")])
        .node::<Nothing, Bare<Shown>>(Verb::Read)
}

pub fn answer(node: &Node) -> Response {
    match node.seal_status() {
        Ok(status) => Response::json(200, &json!(shown(node, &status))),
        Err(problem) => {
            tracing::error!(%problem, "the seal's state cannot be read");
            Response::errors(500, &["the seal's state cannot be read; the server's log has the details"])
        }
    }
}

pub(super) fn shown(node: &Node, status: &SealStatus) -> Shown {
    let info = node.cluster_info();
    Shown {
        kind: status.kind.name(),
        initialized: status.initialised,
        sealed: status.sealed,
        t: status.threshold,
        n: status.shares,
        progress: status.progress,
        nonce: status.nonce.clone(),
        version: VERSION,
        build_date: "",
        commit_date: "",
        migration: status.migration,
        recovery_seal: status.kind.is_automatic(),
        recovery_seal_type: status.kind.is_automatic().then_some("shamir"),
        storage_type: "raft",
        removed_from_cluster: status.removed.then_some(true),
        state_diverged: status.diverged.as_ref().map(|why| why.to_string()),
        cluster_name: info.as_ref().map(|info| info.name.clone()),
        cluster_id: info.as_ref().map(|info| info.id.clone()),
    }
}
