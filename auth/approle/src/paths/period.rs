//! `role/:role_name/period`: what each renewal of a role's tokens prolongs them by.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Seconds, TokenFields, Txn, Verb, View};
use serde::Serialize;

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

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_period: u64,
    /// The same, where it was given under its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<u64>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/period")
        .ids([
            (Verb::Read, "app-role-read-period"),
            (Verb::Write, "app-role-write-period"),
            (Verb::Delete, "app-role-delete-period"),
        ])
        .help("The period of a role's tokens.", "With one, a token lives as long as it is renewed in time.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| {
                let token_period = role.token.period.as_secs();
                let older = role.older.period && !role.token.period.is_zero();
                Shown { token_period, period: older.then_some(token_period) }
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
