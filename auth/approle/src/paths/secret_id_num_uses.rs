//! `role/:role_name/secret-id-num-uses`: how many logins a role's secret IDs are good for.

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Result, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// How many logins a secret ID is good for; zero for no limit.
    secret_id_num_uses: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    secret_id_num_uses: i64,
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-num-uses")
        .ids([
            (Verb::Read, "app-role-read-secret-id-num-uses"),
            (Verb::Write, "app-role-write-secret-id-num-uses"),
            (Verb::Delete, "app-role-delete-secret-id-num-uses"),
        ])
        .help("How many logins a secret ID is good for.", "Counts for secret IDs that are made from then on.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { secret_id_num_uses: role.secret_id_num_uses })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.secret_id_num_uses = 0)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        role.set_secret_id_num_uses(super::given(input.secret_id_num_uses, "secret_id_num_uses")?)
    })
}
