//! `sys/internal/counters/requests`, `…/activity`: what other servers count and this one does not.

use sdk::{Answer, Ctx, Failure, Input, Outcome, Path, Verb, View};

#[derive(Input)]
struct Nothing {}

pub fn requests() -> Path {
    none(
        "internal/counters/requests",
        "Requests are not counted by month.",
        "requests are not counted by month; sys/metrics has what this node has counted since it started",
    )
}

pub fn activity() -> Path {
    none(
        "internal/counters/activity",
        "Clients are not counted.",
        "clients are not counted: there is no license to count them for",
    )
}

fn none(pattern: &'static str, help: &'static str, text: &'static str) -> Path {
    Path::new(pattern)
        .help(help, "Says where else to look, if there is a place.")
        .answers(Verb::Read, Outcome::EMPTY)
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &View| -> sdk::Result<Answer> {
            Err(Failure::NoSuch(text.to_owned()))
        })
}
