//! `sys/ha-status`: the nodes of the cluster, as the active one knows them.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::replication::MemberStatus;
use sdk::{Answer, Ctx, Input, Millis, Path, Txn, Value, Verb, json};

use crate::node::VERSION;

#[derive(Input)]
struct Nothing {}

/// A transaction that changes nothing: it runs on the active node, which alone hears from all others.
pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("ha-status")
        .help(
            "Shows the nodes of the cluster.",
            "Where each node answers, when it was last heard, and which is active.",
        )
        .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let nodes: Vec<Value> = node.replication.members().iter().map(|member| shown(member, ctx.now)).collect();
            Ok(Answer::mirrored(json!({"nodes": nodes})))
        })
}

fn shown(status: &MemberStatus, now: Millis) -> Value {
    let heard = status.last_contact.filter(|_| !status.leader);
    let at = heard.map(|ago| Millis(now.0.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX))));
    json!({
        "hostname": status.member.name,
        "api_address": status.member.api_address,
        "cluster_address": format!("https://{}", status.member.address),
        "active_node": status.leader,
        "last_echo": at.map(sdk::timestamp),
        "version": VERSION,
        "upgrade_version": VERSION,
    })
}
