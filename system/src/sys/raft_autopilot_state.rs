//! `sys/storage/raft/autopilot/state`: how healthy the members are.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::autopilot::{AutopilotState, ServerHealth};
use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Map, Millis, Path, Txn, Value, Verb, duration, json};

use crate::node::VERSION;

#[derive(Input)]
struct Nothing {}

/// A transaction that changes nothing: it runs on the active node, which alone hears from all others.
pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("storage/raft/autopilot/state")
        .help(
            "Shows how healthy the nodes of the cluster are.",
            "Which of them vote and answer, how far behind they are, and how many more may be lost.",
        )
        .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let state = node.replication.autopilot();
            let state = state.ok_or_else(|| Failure::Moved("this node has just lost leadership".into()))?;
            Ok(Answer::json(shown(&state, ctx.now)))
        })
}

fn shown(state: &AutopilotState, now: Millis) -> Value {
    let names = |of: &dyn Fn(&ServerHealth) -> bool| -> Vec<&str> {
        state.servers.iter().filter(|server| of(server)).map(|server| server.member.name.as_str()).collect()
    };
    let servers: Map<String, Value> =
        state.servers.iter().map(|server| (server.member.name.clone(), server_shown(server, now))).collect();
    let mut body = json!({
        "healthy": state.healthy,
        "failure_tolerance": state.failure_tolerance,
        "leader": names(&|server| server.leader).first().copied().unwrap_or_default(),
        "voters": names(&|server| server.voter),
        "servers": servers,
    });
    let others = names(&|server| !server.voter);
    if !others.is_empty() {
        body["non_voters"] = json!(others);
    }
    body
}

fn server_shown(server: &ServerHealth, now: Millis) -> Value {
    let status = match (server.leader, server.voter) {
        (true, _) => "leader",
        (false, true) => "voter",
        (false, false) => "non-voter",
    };
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    json!({
        "id": server.member.name,
        "name": server.member.name,
        "address": server.member.address,
        "node_status": if server.failed { "failed" } else { "alive" },
        "node_type": if server.member.non_voter { "non-voter" } else { "voter" },
        "status": status,
        "healthy": server.healthy,
        "last_contact": duration::go(i128::from(millis(server.last_contact)) * MILLISECOND),
        "last_term": server.last_term,
        "last_index": server.last_index,
        "stable_since": sdk::timestamp(Millis(now.0.saturating_sub(millis(server.stable_for)))),
        "version": VERSION,
    })
}

const MILLISECOND: i128 = 1_000_000;
