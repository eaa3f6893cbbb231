//! `role/:role_name/policies`: the policies of a role's tokens.

use sdk::{Answer, CommaList, Ctx, Failure, Input, Path, Result, Txn, Verb, View, json};

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

pub fn path() -> Path {
    Path::new("role/:role_name/policies")
        .help("The policies of a role's tokens.", "Tokens that were given already keep theirs.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| {
                let mut shown = json!({ "token_policies": role.token.policies });
                if role.older.policies && !role.token.policies.is_empty() {
                    shown["policies"] = json!(role.token.policies);
                }
                shown
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
