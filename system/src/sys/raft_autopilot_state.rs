//! `sys/storage/raft/autopilot/state`: how healthy the members are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::autopilot::{AutopilotState, ServerHealth};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Millis, OnSecondary, Path, Reply, Txn, Verb, duration};
use serde::Serialize;

use crate::node::VERSION;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Shown {
    healthy: bool,
    /// How many more nodes may be lost.
    failure_tolerance: usize,
    leader: String,
    voters: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    non_voters: Vec<String>,
    servers: BTreeMap<String, Server>,
}

#[derive(Serialize, JsonSchema)]
struct Server {
    id: String,
    name: String,
    address: String,
    node_status: &'static str,
    node_type: &'static str,
    status: &'static str,
    healthy: bool,
    last_contact: String,
    last_term: u64,
    last_index: u64,
    stable_since: String,
    version: &'static str,
}

/// A transaction that changes nothing: it runs on the active node, which alone hears from all others.
pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("storage/raft/autopilot/state")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Shows how healthy the nodes of the cluster are.",
            "Which of them vote and answer, how far behind they are, and how many more may be lost.",
        )
        .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let state = node.replication.autopilot();
            let state = state.ok_or_else(|| Failure::Moved("this node has just lost leadership".into()))?;
            Reply::data(shown(&state, ctx.now))
        })
}

fn shown(state: &AutopilotState, now: Millis) -> Shown {
    let names = |of: &dyn Fn(&ServerHealth) -> bool| -> Vec<String> {
        state.servers.iter().filter(|server| of(server)).map(|server| server.member.name.clone()).collect()
    };
    Shown {
        healthy: state.healthy,
        failure_tolerance: state.failure_tolerance,
        leader: names(&|server| server.leader).into_iter().next().unwrap_or_default(),
        voters: names(&|server| server.voter),
        non_voters: names(&|server| !server.voter),
        servers: state.servers.iter().map(|server| (server.member.name.clone(), server_shown(server, now))).collect(),
    }
}

fn server_shown(server: &ServerHealth, now: Millis) -> Server {
    let status = match (server.leader, server.voter) {
        (true, _) => "leader",
        (false, true) => "voter",
        (false, false) => "non-voter",
    };
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Server {
        id: server.member.name.clone(),
        name: server.member.name.clone(),
        address: server.member.address.clone(),
        node_status: if server.failed { "failed" } else { "alive" },
        node_type: if server.member.non_voter { "non-voter" } else { "voter" },
        status,
        healthy: server.healthy,
        last_contact: duration::go(i128::from(millis(server.last_contact)) * MILLISECOND),
        last_term: server.last_term,
        last_index: server.last_index,
        stable_since: sdk::timestamp(Millis(now.0.saturating_sub(millis(server.stable_for)))),
        version: VERSION,
    }
}

const MILLISECOND: i128 = 1_000_000;
