//! `sys/internal/counters/entities`: how many entities there are.

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
    Path::new("internal/counters/entities")
        .help("Counts the entities.", "There are none yet: nothing here makes one.")
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &View| {
            Reply::data(Counted { counters: Counters { entities: Count { total: 0 } } })
        })
}
