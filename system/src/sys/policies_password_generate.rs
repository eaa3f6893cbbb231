//! `sys/policies/password/:name/generate`.

use holdfast_core::passwords;
use schemars::JsonSchema;
use sdk::{Ctx, Input, Path, Reply, Verb, View};
use serde::Serialize;

use super::policies_password::missing;

#[derive(Input)]
struct Named {
    /// The policy's name.
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Generated {
    password: String,
}

pub fn path() -> Path {
    Path::new("policies/password/:name+/generate")
        .help("Generates a password.", "By the policy, which it fits. It is kept nowhere.")
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let policy = passwords::policy(view, &named.name)?.ok_or_else(missing)?;
            Reply::data(Generated { password: policy.generate() })
        })
}
