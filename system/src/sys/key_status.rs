//! `sys/key-status`: the data key in use.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Input, Path, Reply, Txn, Verb, timestamp};
use serde::Serialize;

use super::change_failure;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Status {
    /// Its number.
    term: u32,
    /// Since when it is in use.
    install_time: String,
    /// About how often it has encrypted.
    encryptions: u64,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("key-status")
        .ids([(Verb::Read, "status-encryption-key")])
        .help("Shows the data key in use.", "Its number, since when it is used, and about how often it has encrypted.")
        // It writes nothing; but only the active node knows the count.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let status = node.key_status().map_err(change_failure)?;
            Reply::mirrored(Status {
                term: status.term,
                install_time: timestamp(status.installed),
                encryptions: status.encryptions,
            })
        })
}
