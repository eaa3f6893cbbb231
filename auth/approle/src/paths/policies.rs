//! `role/:role_name/policies`: the policies of a role's tokens.

use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Path, Result, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;
use crate::role_fields::{normalized, settle};

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// The policies of its tokens.
    token_policies: Option<CommaList>,
    /// The older name of `token_policies`.
    #[field(deprecated)]
    policies: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    token_policies: Vec<String>,
    /// The same, where it was given under its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/policies")
        .ids([
            (Verb::Read, "app-role-read-policies"),
            (Verb::Write, "app-role-write-policies"),
            (Verb::Delete, "app-role-delete-policies"),
        ])
        .help("The policies of a role's tokens.", "Tokens that were given already keep theirs.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| {
                let policies = &role.token.policies;
                let older = role.older.policies && !policies.is_empty();
                Shown { token_policies: policies.clone(), policies: older.then(|| policies.clone()) }
            })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| {
                (role.token.policies, role.older.policies) = (Vec::new(), false);
            })
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        let mut policies = input.token_policies;
        settle(&mut policies, input.policies, &mut role.older.policies);
        let CommaList(names) = policies.ok_or_else(|| Failure::invalid("missing token_policies"))?;
        role.token.policies = normalized(&names);
        Ok(())
    })
}
