//! `sys/leases/revoke`, `sys/leases/revoke/:lease_id`, and the older `sys/revoke`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Input, Path, Result, Txn, Verb};

#[derive(Input)]
struct Revoke {
    /// The lease's id.
    lease_id: String,
    /// Whether to answer once it is revoked. It is in either case.
    #[field(default = true)]
    sync: bool,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let of = |pattern, id| {
        let node = Arc::clone(node);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Revokes a lease.", "Ends a lease, and what it is a lease of.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Revoke, txn: &mut Txn| revoke(&node, ctx, &input, txn))
    };
    vec![
        of("leases/revoke", "leases-revoke-lease2"),
        of("leases/revoke/:lease_id+", "leases-revoke-lease"),
        of("revoke", "leases-revoke-lease3"),
        of("revoke/:lease_id+", "leases-revoke-lease4"),
    ]
}

fn revoke(node: &Node, ctx: &Ctx, input: &Revoke, txn: &mut Txn) -> Result<Answer> {
    super::lease_given(&input.lease_id)?;
    // None to revoke is no mistake: it may have ended just now.
    if let Some((key, _)) = node.tokens.leased(&txn.as_view(), &ctx.namespace.id, &input.lease_id, ctx.now)? {
        node.tokens.revoke(txn, &key)?;
    }
    Ok(if input.sync { Answer::empty() } else { Answer::empty().status(202) })
}
