//! `sys/leases`, `sys/leases/count`: leases that cannot be revoked. There are none: a token's lease is a record of the
//! server's own, and goes with the token in one batch.

use sdk::{Answer, Ctx, Failure, Input, Path, Result, Verb, View, json};

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

pub fn list() -> Path {
    Path::new("leases")
        .ids([(Verb::Read, "leases-list")])
        .help("Lists leases that could not be revoked.", "With type=irrevocable.")
        .sudo()
        .view(Verb::Read, |_: &Ctx, asked: List, _: &View| {
            irrevocable(&asked.kind)?;
            let _ = (asked.include_child_namespaces, asked.limit);
            Ok(Answer::json(json!({"lease_count": 0, "leases": []})))
        })
}

pub fn count() -> Path {
    Path::new("leases/count")
        .ids([(Verb::Read, "leases-count")])
        .help("Counts leases that could not be revoked.", "With type=irrevocable, by mount.")
        .view(Verb::Read, |_: &Ctx, asked: Asked, _: &View| {
            irrevocable(&asked.kind)?;
            let _ = asked.include_child_namespaces;
            Ok(Answer::json(json!({"lease_count": 0, "counts": {}})))
        })
}

fn irrevocable(kind: &str) -> Result<()> {
    if kind == "irrevocable" { Ok(()) } else { Err(Failure::NotFound) }
}
