//! `sys/internal/counters/entities`: how many entities there are.

use holdfast_core::identity;
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
    entities: Count,
}

#[derive(Serialize, JsonSchema)]
struct Count {
    total: usize,
}

pub fn path() -> Path {
    Path::new("internal/counters/entities").help("Counts the entities.", "Those of the namespace that is asked.").view(
        Verb::Read,
        |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let total = identity::entity_ids(view, None, usize::MAX)?.len();
            Reply::data(Counted { counters: Counters { entities: Count { total } } })
        },
    )
}
