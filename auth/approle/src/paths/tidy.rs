//! `tidy/secret-id`: takes secret IDs away whose time is up.

use sdk::{Answer, Ctx, Outcome, Path, Result, Txn, Verb};

use super::Nothing;
use crate::expiry;

/// At once: what fits into a batch with room to spare.
const SWEEP: usize = 500;

pub fn path() -> Path {
    Path::new("tidy/secret-id")
        .ids([(Verb::Write, "app-role-tidy-secret-id")])
        .help(
            "Takes away secret IDs whose time is up.",
            "They count no more either way, and a few go with each one that is made. At most 500 go at a time.",
        )
        .answers(Verb::Write, Outcome::EMPTY.status(202))
        .txn(Verb::Write, tidy)
}

fn tidy(ctx: &Ctx, _: Nothing, txn: &mut Txn) -> Result<Answer> {
    let swept = expiry::sweep(txn, ctx.now, SWEEP)?;
    let removed = swept.removed;
    let text = match (removed, swept.more) {
        (0, _) => "No secret ID is past its time.".into(),
        (_, true) => format!("{removed} expired secret IDs were removed; there may be more: call this again."),
        (_, false) => format!("{removed} expired secret IDs were removed; there are no more."),
    };
    Ok(Answer::empty().status(202).warn(text))
}
