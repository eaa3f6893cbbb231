//! `sys/locked-users`: who is not let in for a while, after wrong credentials.

use holdfast_core::lockout;
use sdk::{Answer, Ctx, Input, Path, Value, Verb, View, json};

/// How many users are listed at once.
const LISTED_MAX: usize = 10_000;

#[derive(Input)]
struct Of {
    /// The accessor of an auth method, to hear of its users alone.
    mount_accessor: Option<String>,
}

pub fn path() -> Path {
    Path::new("locked-users")
        .help("Lists the users that are locked out.", "By auth method, as they are named when they log in.")
        .view(Verb::Read, |ctx: &Ctx, of: Of, view: &View| {
            let mount = of.mount_accessor.filter(|accessor| !accessor.is_empty());
            let (mut locked, more) = lockout::locked_out(view, mount.as_deref(), ctx.now, LISTED_MAX)?;
            locked.sort_by_key(|mount| std::cmp::Reverse(mount.aliases.len()));
            let total: usize = locked.iter().map(|mount| mount.aliases.len()).sum();
            let mounts: Vec<Value> = locked
                .into_iter()
                .map(|of| {
                    json!({
                        "mount_accessor": of.mount,
                        "counts": of.aliases.len(),
                        "alias_identifiers": of.aliases,
                    })
                })
                .collect();
            let namespace =
                json!({"namespace_id": "root", "namespace_path": "", "counts": total, "mount_accessors": mounts});
            let answer = Answer::json(json!({"by_namespace": [namespace], "total": total}));
            Ok(match more {
                true => answer.warn(format!("there are more: {LISTED_MAX} users are listed at most")),
                false => answer,
            })
        })
}
