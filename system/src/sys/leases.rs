//! `sys/leases`, `sys/leases/count`: leases that cannot be revoked. There are none: a token's lease is a record of the
//! server's own, and goes with the token in one batch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Asked {
    /// Which leases: `irrevocable`.
    #[field(name = "type")]
    kind: String,
    /// Counts those of child namespaces as well.
    include_child_namespaces: bool,
}

#[derive(Input)]
struct List {
    /// Which leases: `irrevocable`.
    #[field(name = "type")]
    kind: String,
    /// Lists those of child namespaces as well.
    include_child_namespaces: bool,
    /// At most so many, or `none`.
    limit: String,
}

#[derive(Serialize, JsonSchema)]
struct Leases {
    lease_count: u64,
    leases: Vec<Lease>,
}

#[derive(Serialize, JsonSchema)]
struct Lease {
    lease_id: String,
    mount_id: String,
    error: String,
}

#[derive(Serialize, JsonSchema)]
struct Counted {
    lease_count: u64,
    /// By mount.
    counts: BTreeMap<String, u64>,
}

pub fn list() -> Path {
    Path::new("leases")
        .ids([(Verb::Read, "leases-list")])
        .help("Lists leases that could not be revoked.", "With type=irrevocable.")
        .sudo()
        .view(Verb::Read, |_: &Ctx, asked: List, _: &View| {
            irrevocable(&asked.kind)?;
            let _ = (asked.include_child_namespaces, asked.limit);
            Reply::data(Leases { lease_count: 0, leases: Vec::new() })
        })
}

pub fn count() -> Path {
    Path::new("leases/count")
        .ids([(Verb::Read, "leases-count")])
        .help("Counts leases that could not be revoked.", "With type=irrevocable, by mount.")
        .view(Verb::Read, |_: &Ctx, asked: Asked, _: &View| {
            irrevocable(&asked.kind)?;
            let _ = asked.include_child_namespaces;
            Reply::data(Counted { lease_count: 0, counts: BTreeMap::new() })
        })
}

fn irrevocable(kind: &str) -> Result<()> {
    if kind == "irrevocable" { Ok(()) } else { Err(Failure::NotFound) }
}
