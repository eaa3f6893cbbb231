//! `sys/audit-hash/:path`: what stands in a device's entries instead of a value.

use std::sync::Arc;

use holdfast_core::audit::AuditTable;
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Hash {
    /// The device's path.
    path: String,
    /// The value.
    input: String,
}

#[derive(Serialize, JsonSchema)]
struct Hashed {
    hash: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("audit-hash/:path+")
        .ids([(Verb::Write, "auditing-calculate-hash")])
        .help(
            "Hashes a value as audit entries show it.",
            "To find the entries in which it stands. All devices hash alike.",
        )
        .view(Verb::Write, move |_: &Ctx, hash: Hash, view: &View| {
            if hash.input.is_empty() {
                return Err(Failure::invalid("the \"input\" parameter is empty"));
            }
            let path = format!("{}/", hash.path.trim_end_matches('/'));
            if !node.audit.devices(&AuditTable::read(view)?).contains_key(&path) {
                return Err(Failure::Invalid(format!("unknown audit backend {path:?}")));
            }
            Reply::mirrored(Hashed { hash: node.audit.hash(&hash.input).map_err(|_| Failure::Sealed)? })
        })
}
