//! `sys/leases/renew`, `sys/leases/renew/:lease_id`, and the older `sys/renew`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Seconds, Verb, View};

#[derive(Input)]
struct Renew {
    /// The lease's id.
    lease_id: String,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let of = |pattern, id| {
        let node = Arc::clone(node);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Renews a lease.", "Prolongs a lease, within the limits it was made with.")
            .view(Verb::Write, move |ctx: &Ctx, input: Renew, view: &View| renew(&node, ctx, &input, view))
    };
    vec![
        of("leases/renew", "leases-renew-lease2"),
        of("leases/renew/:lease_id+", "leases-renew-lease"),
        of("renew", "leases-renew-lease3"),
        of("renew/:lease_id+", "leases-renew-lease4"),
    ]
}

/// All leases are those of tokens so far, which are renewed as tokens.
fn renew(node: &Node, ctx: &Ctx, input: &Renew, view: &View) -> Result<Answer> {
    super::lease_given(&input.lease_id)?;
    let _ = input.increment;
    Err(match node.tokens.leased(view, &ctx.namespace.id, &input.lease_id, ctx.now)? {
        Some(_) => Failure::invalid("tokens cannot be renewed through this endpoint; auth/token/renew-accessor can"),
        None => Failure::invalid("lease not found: it has ended, or there never was one with this lease_id"),
    })
}
