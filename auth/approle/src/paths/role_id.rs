//! `role/:role_name/role-id`: what the role is called at login.

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// What the role is called at login from now on.
    role_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    role_id: String,
}

pub fn path() -> Path {
    Path::new("role/:role_name/role-id")
        .ids([(Verb::Read, "app-role-read-role-id"), (Verb::Write, "app-role-write-role-id")])
        .help("A role's ID.", "A role has one at any time: once it is changed, nobody logs in with the one before.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { role_id: role.role_id.clone() })
        })
        .txn(Verb::Write, change)
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        if input.role_id.is_empty() {
            return Err(Failure::invalid("missing role_id"));
        }
        role.role_id = input.role_id;
        Ok(())
    })
}
