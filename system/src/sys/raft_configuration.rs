//! `sys/storage/raft/configuration`: the members.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Input, Path, Verb, View, json};

#[derive(Input)]
struct Nothing {}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("storage/raft/configuration")
        .help("Shows the members of the cluster.", "Who votes, who leads, and where each listens for the others.")
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &View| {
            let servers: Vec<_> = node
                .replication
                .members()
                .iter()
                .map(|m| {
                    json!({
                        "node_id": m.member.name,
                        "address": m.member.address,
                        "leader": m.leader,
                        "protocol_version": "3",
                        "voter": m.voter,
                    })
                })
                .collect();
            let index = node.replication.position().committed;
            Ok(Answer::json(json!({"config": {"servers": servers, "index": index}})))
        })
}
