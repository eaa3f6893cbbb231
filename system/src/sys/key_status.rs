//! `sys/key-status`: the data key in use.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Input, Path, Txn, Verb, json, timestamp};

use super::change_failure;

#[derive(Input)]
struct Nothing {}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("key-status")
        .help("Shows the data key in use.", "Its number, since when it is used, and about how often it has encrypted.")
        // It writes nothing; but only the active node knows the count.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let status = node.key_status().map_err(change_failure)?;
            Ok(Answer::mirrored(json!({
                "term": status.term,
                "install_time": timestamp(status.installed),
                "encryptions": status.encryptions,
            })))
        })
}
