//! `sys/internal/counters/entities`: how many entities there are.

use sdk::{Answer, Ctx, Input, Path, Verb, View, json};

#[derive(Input)]
struct Nothing {}

pub fn path() -> Path {
    Path::new("internal/counters/entities")
        .help("Counts the entities.", "There are none yet: nothing here makes one.")
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &View| {
            Ok(Answer::json(json!({"counters": {"entities": {"total": 0}}})))
        })
}
