//! `sys/internal/ui/namespaces`: the namespaces below this one that the caller can use.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Ctx, Failure, Input, Keys, Path, Reply, Verb, View};

/// How many are looked at.
const SHOWN_MAX: usize = 10_000;

#[derive(Input)]
struct Nothing {}

/// Open: what shows follows from the caller.
pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/namespaces")
        .ids([(Verb::Read, "internal-ui-list-namespaces")])
        .help("Lists the namespaces that the caller can use.", "Those right below the namespace of the request.")
        .open()
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
            let acl = node.policies.rules_of(view, &caller.home, &caller.policies, &caller.entity_id, ctx.now)?.acl;
            let mut keys = node.namespaces.names(view, None, SHOWN_MAX)?;
            keys.iter_mut().for_each(|name| name.push('/'));
            keys.retain(|path| caller.sees(path).is_some_and(|path| acl.reaches(&path)));
            Reply::data(Keys { keys, key_info: None })
        })
}
