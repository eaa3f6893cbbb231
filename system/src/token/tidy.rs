//! `auth/token/tidy`.

use sdk::{Answer, Ctx, Input, Outcome, Path, Verb, View};

#[derive(Input)]
struct Nothing {}

/// Kept for those who call it: a token is written and removed in one batch with its accessor, its lease and its place
/// among its parent's children.
pub fn path() -> Path {
    Path::new("tidy")
        .ids([(Verb::Write, "token-tidy")])
        .help("Tidies up tokens.", "There is nothing to tidy up: no accessor or lease is left without its token.")
        .answers(Verb::Write, Outcome::EMPTY.status(202))
        .view(Verb::Write, |_: &Ctx, Nothing {}: Nothing, _: &View| {
            Ok(Answer::empty()
                .status(202)
                .warn("Accessors and leases go with their token, so there is nothing to tidy up."))
        })
}
