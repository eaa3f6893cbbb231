//! `sys/internal/ui/resultant-acl`: the caller's rules, merged, so that a user interface shows what can be done.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Map, Path, Value, Verb, View, json};

#[derive(Input)]
struct Nothing {}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/resultant-acl")
        .help(
            "Shows the caller's rules.",
            "Paths that are meant exactly, and those that everything begins with. Rules with a + in them show among the \
             latter as they are written.",
        )
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
            let acl = node.policies.rules(view, &caller.policies, ctx.now)?.acl;
            let (mut exact, mut glob) = (Map::new(), Map::new());
            for rule in acl.rules() {
                let capabilities: Value = json!({"capabilities": rule.capabilities.names()});
                if rule.exact {
                    exact.insert(rule.path, capabilities);
                } else {
                    glob.insert(rule.path.strip_suffix('*').unwrap_or(&rule.path).to_owned(), capabilities);
                }
            }
            Ok(Answer::json(json!({"root": acl.is_root(), "exact_paths": exact, "glob_paths": glob})))
        })
}
