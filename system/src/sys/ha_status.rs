//! `sys/ha-status`: the nodes of the cluster, as the active one knows them.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::replication::MemberStatus;
use schemars::JsonSchema;
use sdk::{Ctx, Input, Millis, OnSecondary, Path, Reply, Txn, Verb};
use serde::Serialize;

use crate::node::VERSION;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Nodes {
    nodes: Vec<Shown>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    hostname: String,
    api_address: String,
    cluster_address: String,
    active_node: bool,
    /// When it was last heard; of the active node nothing.
    last_echo: Option<String>,
    version: &'static str,
    upgrade_version: &'static str,
}

/// A transaction that changes nothing: it runs on the active node, which alone hears from all others.
pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("ha-status")
        .on_secondary(OnSecondary::ByOperationToken)
        .ids([(Verb::Read, "ha-status")])
        .help(
            "Shows the nodes of the cluster.",
            "Where each node answers, when it was last heard, and which is active.",
        )
        .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let nodes = node.replication.members().iter().map(|member| shown(member, ctx.now)).collect();
            Reply::mirrored(Nodes { nodes })
        })
}

fn shown(status: &MemberStatus, now: Millis) -> Shown {
    let heard = status.last_contact.filter(|_| !status.leader);
    let at = heard.map(|ago| Millis(now.0.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX))));
    Shown {
        hostname: status.member.name.clone(),
        api_address: status.member.api_address.clone(),
        cluster_address: format!("https://{}", status.member.address),
        active_node: status.leader,
        last_echo: at.map(sdk::timestamp),
        version: VERSION,
        upgrade_version: VERSION,
    }
}
