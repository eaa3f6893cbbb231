//! `role/:role_name/secret-id-bound-cidrs`: networks that one may log in from.

use schemars::JsonSchema;
use sdk::{CommaList, Ctx, Input, Path, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Networks that one may log in from, each as 10.0.0.0/8.
    secret_id_bound_cidrs: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    secret_id_bound_cidrs: Option<Vec<String>>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-bound-cidrs")
        .ids([
            (Verb::Read, "app-role-read-secret-id-bound-cidrs"),
            (Verb::Write, "app-role-write-secret-id-bound-cidrs"),
            (Verb::Delete, "app-role-delete-secret-id-bound-cidrs"),
        ])
        .help("Networks that one may log in from.", "Any if there are none.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown {
                secret_id_bound_cidrs: role.secret_id_bound_cidrs.clone(),
            })
        })
        .txn(Verb::Write, |_: &Ctx, input: Change, txn: &mut Txn| {
            super::changed(input.role_name, txn, |role| role.set_networks(input.secret_id_bound_cidrs))
        })
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.secret_id_bound_cidrs = None)
        })
}
