//! `role/:role_name/bound-cidr-list`: the older name of `secret-id-bound-cidrs`, which a write still has that effect under.
//! What it held of its own in older servers is always nothing here, so it reads as that.

use sdk::{Answer, CommaList, Ctx, Input, Path, Result, Txn, Value, Verb, View, json};

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// Networks that one may log in from.
    bound_cidr_list: Option<CommaList>,
}

pub fn path() -> Path {
    Path::new("role/:role_name/bound-cidr-list")
        .help("Replaced by `secret-id-bound-cidrs`.", "A write sets the same; a read shows nothing.")
        .view(Verb::Read, read)
        .txn(Verb::Write, |_: &Ctx, input: Change, txn: &mut Txn| {
            super::changed(input.role_name, txn, |role| role.set_networks(input.bound_cidr_list))
        })
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| super::reset(which.role_name, txn, |_| {}))
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Answer> {
    let shown = super::shown(which.role_name, view, |_| json!({ "bound_cidr_list": Value::Null }))?;
    Ok(shown.warn(
        "The \"bound_cidr_list\" field is deprecated and will be removed. Please use \"secret_id_bound_cidrs\" instead.",
    ))
}
