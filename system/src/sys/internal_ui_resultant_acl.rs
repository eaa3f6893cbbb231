//! `sys/internal/ui/resultant-acl`: the caller's rules, merged, so that a user interface shows what can be done.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Rules {
    /// Everything is allowed.
    root: bool,
    exact_paths: BTreeMap<String, Rule>,
    glob_paths: BTreeMap<String, Rule>,
}

#[derive(Serialize, JsonSchema)]
struct Rule {
    capabilities: Vec<&'static str>,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/resultant-acl").ids([(Verb::Read, "internal-ui-read-resultant-acl")])
        .help(
            "Shows the caller's rules.",
            "Paths that are meant exactly, and those that everything begins with. Rules with a + in them show among the \
             latter as they are written.",
        )
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
            let acl = node.policies.rules_of(view, &caller.home, &caller.policies, &caller.entity_id, ctx.now)?.acl;
            let (mut exact, mut glob) = (BTreeMap::new(), BTreeMap::new());
            for rule in acl.rules() {
                let capabilities = Rule { capabilities: rule.capabilities.names() };
                if rule.exact {
                    exact.insert(rule.path, capabilities);
                } else {
                    glob.insert(rule.path.strip_suffix('*').unwrap_or(&rule.path).to_owned(), capabilities);
                }
            }
            Reply::data(Rules { root: acl.is_root(), exact_paths: exact, glob_paths: glob })
        })
}
