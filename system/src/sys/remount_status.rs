//! `sys/remount/status/:id`: what became of a move.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Of {
    /// What `sys/remount` has answered.
    migration_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Moved {
    migration_id: String,
    migration_info: Info,
}

#[derive(Serialize, JsonSchema)]
struct Info {
    source_mount: String,
    target_mount: String,
    status: &'static str,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("remount/status/:migration_id")
        .ids([(Verb::Read, "remount-status")])
        .help(
            "Shows a move of a mount.",
            "A move is done at once, so one that is known has succeeded. The latest are known.",
        )
        .view(Verb::Read, move |ctx: &Ctx, of: Of, view: &View| {
            let moved = node.mounts.moved(view, &of.migration_id)?.ok_or(Failure::NotFound)?;
            let from_root = |path: &str| format!("{}{path}", ctx.namespace.path);
            let (source_mount, target_mount) = (from_root(&moved.from), from_root(&moved.to));
            let info = Info { source_mount, target_mount, status: "success" };
            Reply::mirrored(Moved { migration_id: moved.id, migration_info: info })
        })
}
