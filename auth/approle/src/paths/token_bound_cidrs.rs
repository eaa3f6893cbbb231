//! `role/:role_name/token-bound-cidrs`: addresses and networks that a role's tokens may be used from.

use sdk::{Answer, Cidr, CommaList, Ctx, Input, Path, Result, TokenFields, Txn, Value, Verb, View, json};

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

pub fn path() -> Path {
    Path::new("role/:role_name/token-bound-cidrs")
        .help("Addresses and networks that a role's tokens may be used from.", "Any if there are none.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| super::shown(which.role_name, view, show))
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.token.bound_cidrs.clear())
        })
}

fn show(role: &Role) -> Value {
    let list: Vec<String> = role.token.bound_cidrs.iter().map(Cidr::to_string).collect();
    json!({ "token_bound_cidrs": (!list.is_empty()).then_some(list) })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        role.set_token(TokenFields { token_bound_cidrs: input.token_bound_cidrs, ..TokenFields::default() })
    })
}
