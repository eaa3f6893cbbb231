//! `sys/leases/tidy`.

use sdk::{Answer, Ctx, Input, Outcome, Path, Verb, View};

#[derive(Input)]
struct Nothing {}

/// Kept for those who call it: a lease is written and removed in one batch with what it is a lease of.
pub fn path() -> Path {
    Path::new("leases/tidy")
        .ids([(Verb::Write, "leases-tidy")])
        .help("Tidies up leases.", "There is nothing to tidy up: no lease is left without what it is a lease of.")
        .answers(Verb::Write, Outcome::EMPTY.status(202))
        .view(Verb::Write, |_: &Ctx, Nothing {}: Nothing, _: &View| {
            Ok(Answer::empty()
                .status(202)
                .warn("Leases go with what they are leases of, so there is nothing to tidy up."))
        })
}
