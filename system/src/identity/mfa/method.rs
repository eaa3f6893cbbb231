//! `identity/mfa/method`, `mfa/method/:method_id`: methods of every kind.

use sdk::{Ctx, Failure, Input, Page, Path, Reply, Result, Verb, View};

use super::shown::Shown;
use super::{MISSING, Which};

#[derive(Input)]
struct Nothing {
    /// The method's id.
    method_id: String,
}

pub fn paths() -> [Path; 2] {
    [
        Path::new("mfa/method/?")
            .ids([(Verb::List, "mfa-list-methods"), (Verb::Read, "mfa-read-method-configuration")])
            .help("The MFA methods.", "Of every kind, with their settings.")
            .view(Verb::List, |ctx: &Ctx, page: Page, view: &View| super::list(ctx, None, &page, view))
            .view(Verb::Read, |ctx: &Ctx, which: Nothing, view: &View| -> Result<Reply<Shown>> {
                if which.method_id.is_empty() {
                    return Err(Failure::invalid(MISSING));
                }
                super::read(ctx, None, &which.method_id, view)
            }),
        Path::new("mfa/method/:method_id")
            .ids([(Verb::Read, "mfa-read-method-configuration-by-id")])
            .help("An MFA method of any kind.", "What is secret of it is not shown.")
            .view(Verb::Read, |ctx: &Ctx, which: Which, view: &View| super::read(ctx, None, &which.method_id, view)),
    ]
}
