//! `role/:role_name/period`: what each renewal of a role's tokens prolongs them by.

use std::time::Duration;

use sdk::{Answer, Ctx, Failure, Input, Path, Result, Seconds, TokenFields, Txn, Verb, View, json};

use super::Which;
use crate::name::Name;
use crate::role_fields::{check_period, settle};

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Each renewal prolongs by this, without an end.
    token_period: Option<Seconds>,
    /// The older name of `token_period`.
    #[field(deprecated)]
    period: Option<Seconds>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/period")
        .help("The period of a role's tokens.", "With one, a token lives as long as it is renewed in time.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| {
                let mut shown = json!({ "token_period": role.token.period.as_secs() });
                if role.older.period && !role.token.period.is_zero() {
                    shown["period"] = json!(role.token.period.as_secs());
                }
                shown
            })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| {
                (role.token.period, role.older.period) = (Duration::ZERO, false);
            })
        })
}

fn change(ctx: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        let mut period = input.token_period;
        settle(&mut period, input.period, &mut role.older.period);
        let token_period = Some(period.ok_or_else(|| Failure::invalid("missing period"))?);
        role.set_token(TokenFields { token_period, ..TokenFields::default() })?;
        check_period(ctx, role.token.period)
    })
}
