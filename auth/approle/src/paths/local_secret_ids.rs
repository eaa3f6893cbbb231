//! `role/:role_name/local-secret-ids`: whether a role's secret IDs are of this cluster alone.

use schemars::JsonSchema;
use sdk::{Ctx, Path, Verb, View};
use serde::Serialize;

use super::Which;

#[derive(Serialize, JsonSchema)]
struct Shown {
    local_secret_ids: bool,
}

pub fn path() -> Path {
    Path::new("role/:role_name/local-secret-ids")
        .ids([(Verb::Read, "app-role-read-local-secret-ids")])
        .help("Whether a role's secret IDs are of this cluster alone.", "Said when the role is made, and never again.")
        .view(Verb::Read, |_: &Ctx, which: Which, view: &View| {
            super::shown(which.role_name, view, |role| Shown { local_secret_ids: role.local_secret_ids })
        })
}
