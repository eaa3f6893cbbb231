//! `sys/seal-status`.

use holdfast_core::lifecycle::{Node, SealStatus};
use holdfast_core::response::Response;
use sdk::{Value, json};

use super::VERSION;

pub fn answer(node: &Node) -> Response {
    match node.seal_status() {
        Ok(status) => Response::json(200, &body(node, &status)),
        Err(problem) => {
            tracing::error!(%problem, "the seal's state cannot be read");
            Response::errors(500, &["the seal's state cannot be read; the server's log has the details"])
        }
    }
}

pub(super) fn body(node: &Node, status: &SealStatus) -> Value {
    let mut body = json!({
        "type": status.kind.name(),
        "initialized": status.initialised,
        "sealed": status.sealed,
        "t": status.threshold,
        "n": status.shares,
        "progress": status.progress,
        "nonce": status.nonce,
        "version": VERSION,
        "build_date": "",
        "commit_date": "",
        "migration": false,
        "recovery_seal": status.kind.is_automatic(),
        "storage_type": "raft",
    });
    if status.removed {
        body["removed_from_cluster"] = json!(true);
    }
    if let Some(why) = &status.diverged {
        body["state_diverged"] = json!(&**why);
    }
    if let Some(info) = node.cluster_info() {
        body["cluster_name"] = json!(info.name);
        body["cluster_id"] = json!(info.id);
    }
    body
}
