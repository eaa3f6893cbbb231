//! `sys/locked-users`: who is not let in for a while, after wrong credentials.

use holdfast_core::lockout;
use schemars::JsonSchema;
use sdk::{Ctx, Input, Path, Reply, Verb, View};
use serde::Serialize;

/// How many users are listed at once.
const LISTED_MAX: usize = 10_000;

#[derive(Input)]
struct Of {
    /// The accessor of an auth method, to hear of its users alone.
    mount_accessor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    by_namespace: Vec<OfNamespace>,
    total: usize,
}

#[derive(Serialize, JsonSchema)]
struct OfNamespace {
    namespace_id: String,
    namespace_path: String,
    counts: usize,
    mount_accessors: Vec<OfMount>,
}

#[derive(Serialize, JsonSchema)]
struct OfMount {
    mount_accessor: String,
    counts: usize,
    alias_identifiers: Vec<String>,
}

pub fn path() -> Path {
    Path::new("locked-users")
        .help("Lists the users that are locked out.", "By auth method, as they are named when they log in.")
        .view(Verb::Read, |ctx: &Ctx, of: Of, view: &View| {
            let mount = of.mount_accessor.filter(|accessor| !accessor.is_empty());
            let (mut locked, more) = lockout::locked_out(view, mount.as_deref(), ctx.now, LISTED_MAX)?;
            locked.sort_by_key(|mount| std::cmp::Reverse(mount.aliases.len()));
            let total: usize = locked.iter().map(|mount| mount.aliases.len()).sum();
            let of_mount = |of: lockout::LockedOut| OfMount {
                mount_accessor: of.mount,
                counts: of.aliases.len(),
                alias_identifiers: of.aliases,
            };
            let mount_accessors = locked.into_iter().map(of_mount).collect();
            let (namespace_id, namespace_path) = (ctx.namespace.id.shown().to_owned(), ctx.namespace.path.clone());
            let here = OfNamespace { namespace_id, namespace_path, counts: total, mount_accessors };
            let answer = Reply::data(Listed { by_namespace: vec![here], total })?;
            Ok(match more {
                true => answer.warn(format!("there are more: {LISTED_MAX} users are listed at most")),
                false => answer,
            })
        })
}
