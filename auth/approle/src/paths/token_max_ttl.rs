//! `role/:role_name/token-max-ttl`: how long a role's tokens can be prolonged by renewing them.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Result, Seconds, TokenFields, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// How long its tokens can be prolonged by renewing them.
    token_max_ttl: Option<Seconds>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_max_ttl: u64,
}

pub fn path() -> Path {
    Path::new("role/:role_name/token-max-ttl")
        .ids([
            (Verb::Read, "app-role-read-token-max-ttl"),
            (Verb::Write, "app-role-write-token-max-ttl"),
            (Verb::Delete, "app-role-delete-token-max-ttl"),
        ])
        .help(
            "How long a role's tokens can be prolonged by renewing them.",
            "As long as the mount says if it is zero, and never longer.",
        )
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { token_max_ttl: role.token.max_ttl.as_secs() })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.token.max_ttl = Duration::ZERO)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        let token_max_ttl = Some(super::given(input.token_max_ttl, "token_max_ttl")?);
        role.set_token(TokenFields { token_max_ttl, ..TokenFields::default() })
    })
}
