//! `sys/internal/counters/tokens`: how many service tokens there are.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Counted {
    counters: Counters,
}

#[derive(Serialize, JsonSchema)]
struct Counters {
    service_tokens: Count,
}

#[derive(Serialize, JsonSchema)]
struct Count {
    total: usize,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/counters/tokens")
        .ids([(Verb::Read, "internal-count-tokens")])
        .help("Counts the service tokens.", "Tokens that are stored, with those that have just expired.")
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let total = node.tokens.accessors(view)?.len();
            Reply::data(Counted { counters: Counters { service_tokens: Count { total } } })
        })
}
