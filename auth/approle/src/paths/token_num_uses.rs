//! `role/:role_name/token-num-uses`: how many requests a role's tokens may make.

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Result, TokenFields, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// How many requests its tokens may make; zero for no limit.
    token_num_uses: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_num_uses: i64,
}

pub fn path() -> Path {
    Path::new("role/:role_name/token-num-uses")
        .ids([
            (Verb::Read, "app-role-read-token-num-uses"),
            (Verb::Write, "app-role-write-token-num-uses"),
            (Verb::Delete, "app-role-delete-token-num-uses"),
        ])
        .help("How many requests a role's tokens may make.", "As many as they like if it is zero.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { token_num_uses: role.token.num_uses })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.token.num_uses = 0)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        let token_num_uses = Some(super::given(input.token_num_uses, "token_num_uses")?);
        role.set_token(TokenFields { token_num_uses, ..TokenFields::default() })
    })
}
