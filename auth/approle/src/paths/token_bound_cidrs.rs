//! `role/:role_name/token-bound-cidrs`: addresses and networks that a role's tokens may be used from.

use schemars::JsonSchema;
use sdk::{Answer, Cidr, CommaList, Ctx, Input, Path, Result, TokenFields, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;
use crate::role::Role;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Addresses and networks that its tokens may be used from.
    token_bound_cidrs: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_bound_cidrs: Option<Vec<String>>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/token-bound-cidrs")
        .ids([
            (Verb::Read, "app-role-read-token-bound-cidrs"),
            (Verb::Write, "app-role-write-token-bound-cidrs"),
            (Verb::Delete, "app-role-delete-token-bound-cidrs"),
        ])
        .help("Addresses and networks that a role's tokens may be used from.", "Any if there are none.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| super::shown(which.role_name, view, show))
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.token.bound_cidrs.clear())
        })
}

fn show(role: &Role) -> Shown {
    let list: Vec<String> = role.token.bound_cidrs.iter().map(Cidr::to_string).collect();
    Shown { token_bound_cidrs: Some(list).filter(|list| !list.is_empty()) }
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        role.set_token(TokenFields { token_bound_cidrs: input.token_bound_cidrs, ..TokenFields::default() })
    })
}
