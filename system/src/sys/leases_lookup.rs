//! `sys/leases/lookup`, `sys/leases/lookup/:prefix`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Lease {
    /// The lease's id.
    lease_id: String,
}

#[derive(Input)]
struct Below {
    /// The path that made the leases, or a part of it.
    prefix: String,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    id: String,
    path: String,
    issue_time: String,
    expire_time: Option<String>,
    last_renewal: Option<String>,
    renewable: bool,
    /// In seconds.
    ttl: u64,
}

pub fn one(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("leases/lookup")
        .ids([(Verb::Write, "leases-read-lease")])
        .help("Looks a lease up.", "When it was given, how long it lasts and whether it can be renewed.")
        .view(Verb::Write, move |ctx: &Ctx, lease: Lease, view: &View| {
            super::lease_given(&lease.lease_id)?;
            let found = node.tokens.leased(view, &ctx.namespace.id, &lease.lease_id, ctx.now)?;
            let (_, record) =
                found.ok_or_else(|| Failure::invalid("invalid lease: there is none with this lease_id"))?;
            Reply::data(Shown {
                id: lease.lease_id,
                issue_time: sdk::timestamp(record.created),
                expire_time: record.expires.map(sdk::timestamp),
                last_renewal: record.last_renewal.map(sdk::timestamp),
                renewable: record.renewable,
                ttl: record.ttl(ctx.now),
                path: record.path,
            })
        })
}

pub fn below(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("leases/lookup/:prefix*")
        .ids([(Verb::List, "leases-look-up-with-prefix")])
        .help("Lists leases.", "The leases and folders directly below a path.")
        .sudo()
        .view(Verb::List, move |_: &Ctx, at: Below, view: &View| {
            Answer::keys(node.tokens.leases_below(view, &at.prefix)?)
        })
}
