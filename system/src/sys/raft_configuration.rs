//! `sys/storage/raft/configuration`: the members.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::replication::MemberStatus;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, OnSecondary, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

/// By POST, as clients ask a DR secondary, and nobody else is asked.
#[derive(Input)]
struct Asked {
    /// Of generate-operation-token, or an orphan batch token of the primary whose policies allow this path.
    dr_operation_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    config: Members,
}

#[derive(Serialize, JsonSchema)]
struct Members {
    servers: Vec<Server>,
    index: u64,
}

#[derive(Serialize, JsonSchema)]
struct Server {
    node_id: String,
    address: String,
    leader: bool,
    protocol_version: &'static str,
    voter: bool,
}

pub fn path(node: &Arc<Node>) -> Path {
    let (node, posted) = (Arc::clone(node), Arc::clone(node));
    Path::new("storage/raft/configuration")
        .on_secondary(OnSecondary::ByOperationToken)
        .help("Shows the members of the cluster.", "Who votes, who leads, and where each listens for the others.")
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &View| Reply::data(shown(&node)))
        .view(Verb::Write, move |_: &Ctx, asked: Asked, _: &View| {
            drop(asked.dr_operation_token);
            match posted.is_secondary() {
                true => Reply::data(shown(&posted)),
                false => Err(Failure::Unsupported),
            }
        })
}

fn shown(node: &Node) -> Shown {
    let server = |status: MemberStatus| Server {
        node_id: status.member.name,
        address: status.member.address,
        leader: status.leader,
        protocol_version: "3",
        voter: status.voter,
    };
    let servers = node.replication.members().into_iter().map(server).collect();
    Shown { config: Members { servers, index: node.replication.position().committed } }
}
