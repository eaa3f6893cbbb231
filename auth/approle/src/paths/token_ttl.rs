//! `role/:role_name/token-ttl`: how long a role's tokens live unless they are renewed.

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
    /// How long its tokens live unless they are renewed.
    token_ttl: Option<Seconds>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_ttl: u64,
}

pub fn path() -> Path {
    Path::new("role/:role_name/token-ttl")
        .ids([
            (Verb::Read, "app-role-read-token-ttl"),
            (Verb::Write, "app-role-write-token-ttl"),
            (Verb::Delete, "app-role-delete-token-ttl"),
        ])
        .help("How long a role's tokens live unless they are renewed.", "As long as the mount says if it is zero.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { token_ttl: role.token.ttl.as_secs() })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.token.ttl = Duration::ZERO)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        let token_ttl = Some(super::given(input.token_ttl, "token_ttl")?);
        role.set_token(TokenFields { token_ttl, ..TokenFields::default() })
    })
}
