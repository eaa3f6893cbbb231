//! `role/:role_name/bound-cidr-list`: the older name of `secret-id-bound-cidrs`, which a write still has that effect under.
//! What it held of its own in older servers is always nothing here, so it reads as that.

use schemars::JsonSchema;
use sdk::{CommaList, Ctx, Input, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Networks that one may log in from.
    bound_cidr_list: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Always null.
    bound_cidr_list: Option<Vec<String>>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/bound-cidr-list")
        .ids([
            (Verb::Read, "app-role-read-bound-cidr-list"),
            (Verb::Write, "app-role-write-bound-cidr-list"),
            (Verb::Delete, "app-role-delete-bound-cidr-list"),
        ])
        .help("Replaced by `secret-id-bound-cidrs`.", "A write sets the same; a read shows nothing.")
        .view(Verb::Read, read)
        .txn(Verb::Write, |_: &Ctx, input: Change, txn: &mut Txn| {
            super::changed(input.role_name, txn, |role| role.set_networks(input.bound_cidr_list))
        })
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| super::reset(which.role_name, txn, |_| {}))
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Reply<Shown>> {
    let shown = super::shown(which.role_name, view, |_| Shown { bound_cidr_list: None })?;
    Ok(shown.warn(
        "The \"bound_cidr_list\" field is deprecated and will be removed. Please use \"secret_id_bound_cidrs\" instead.",
    ))
}
