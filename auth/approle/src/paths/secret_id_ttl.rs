//! `role/:role_name/secret-id-ttl`: how long a role's secret IDs are good.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Result, Seconds, Txn, Verb, View};
use serde::Serialize;

use super::Which;
use crate::name::Name;
use crate::role_fields::whole;

#[derive(Input)]
struct Change {
    /// The role's name.
    role_name: Name,
    /// How long a secret ID is good; zero for no end.
    secret_id_ttl: Option<Seconds>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    secret_id_ttl: u64,
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-ttl")
        .ids([
            (Verb::Read, "app-role-read-secret-id-ttl"),
            (Verb::Write, "app-role-write-secret-id-ttl"),
            (Verb::Delete, "app-role-delete-secret-id-ttl"),
        ])
        .help("How long a secret ID is good.", "Counts for secret IDs that are made from then on.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { secret_id_ttl: role.secret_id_ttl.as_secs() })
        })
        .txn(Verb::Write, change)
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| {
            super::reset(which.role_name, txn, |role| role.secret_id_ttl = Duration::ZERO)
        })
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    super::changed(input.role_name, txn, |role| {
        role.secret_id_ttl = whole(super::given(input.secret_id_ttl, "secret_id_ttl")?);
        Ok(())
    })
}
