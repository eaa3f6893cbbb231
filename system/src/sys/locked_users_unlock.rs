//! `sys/locked-users/:mount_accessor/unlock/:alias_identifier`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::lockout;
use sdk::{Answer, Ctx, Input, Path, Txn, Verb};

use super::once::once;

#[derive(Input)]
struct Who {
    /// The accessor of the auth method.
    mount_accessor: String,
    /// The user, as it is named when it logs in.
    alias_identifier: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("locked-users/:mount_accessor/unlock/:alias_identifier+")
        .help("Lets a user in again.", "Also forgets the wrong credentials that were counted so far.")
        .txn(Verb::Write, move |ctx: &Ctx, who: Who, txn: &mut Txn| {
            let alias = who.alias_identifier.trim().to_lowercase();
            lockout::unlock(txn, &ctx.namespace.id, &who.mount_accessor, &alias)?;
            // The counts are this node's memory, which a transaction does not touch.
            let forgive = once(
                &node,
                (ctx.namespace.id.clone(), who.mount_accessor, alias),
                |node, (ns, mount, alias), _| async move {
                    node.lockouts.forgive(&ns, &mount, &alias);
                    Ok(Answer::empty())
                },
            );
            Ok(Answer::empty().then(forgive))
        })
}
