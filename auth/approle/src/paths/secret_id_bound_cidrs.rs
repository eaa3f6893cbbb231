//! `role/:role_name/secret-id-bound-cidrs`: networks that one may log in from.

use sdk::{CommaList, Ctx, Input, Path, Txn, Verb, View, json};

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Networks that one may log in from, each as 10.0.0.0/8.
    secret_id_bound_cidrs: Option<CommaList>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-bound-cidrs")
        .help("Networks that one may log in from.", "Any if there are none.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| json!({ "secret_id_bound_cidrs": role.secret_id_bound_cidrs }))
        })
        .txn(Verb::Write, |_: &Ctx, input: Change, txn: &mut Txn| {
            super::changed(input.role_name, txn, |role| role.set_networks(input.secret_id_bound_cidrs))
        })
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.secret_id_bound_cidrs = None)
        })
}
