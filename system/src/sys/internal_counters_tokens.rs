//! `sys/internal/counters/tokens`: how many service tokens there are.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Input, Path, Verb, View, json};

#[derive(Input)]
struct Nothing {}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/counters/tokens")
        .help("Counts the service tokens.", "Tokens that are stored, with those that have just expired.")
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let total = node.tokens.accessors(view)?.len();
            Ok(Answer::json(json!({"counters": {"service_tokens": {"total": total}}})))
        })
}
