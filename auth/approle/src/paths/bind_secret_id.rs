//! `role/:role_name/bind-secret-id`: whether a login needs a secret ID.

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Result, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Whether a login needs a secret ID. Without it the role needs networks that it is bound to.
    bind_secret_id: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    bind_secret_id: bool,
}

pub fn path() -> Path {
    Path::new("role/:role_name/bind-secret-id")
        .ids([
            (Verb::Read, "app-role-read-bind-secret-id"),
            (Verb::Write, "app-role-write-bind-secret-id"),
            (Verb::Delete, "app-role-delete-bind-secret-id"),
        ])
        .help("Whether a login needs a secret ID.", "It does unless told otherwise.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { bind_secret_id: role.bind_secret_id })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.bind_secret_id = true)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        role.bind_secret_id = super::given(input.bind_secret_id, "bind_secret_id")?;
        Ok(())
    })
}
