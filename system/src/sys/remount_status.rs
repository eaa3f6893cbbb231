//! `sys/remount/status/:id`: what became of a move.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Path, Verb, View, json};

#[derive(Input)]
struct Of {
    /// What `sys/remount` has answered.
    migration_id: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("remount/status/:migration_id")
        .help(
            "Shows a move of a mount.",
            "A move is done at once, so one that is known has succeeded. The latest are known.",
        )
        .view(Verb::Read, move |_: &Ctx, of: Of, view: &View| {
            let moved = node.mounts.moved(view, &of.migration_id)?.ok_or(Failure::NotFound)?;
            let info = json!({"source_mount": moved.from, "target_mount": moved.to, "status": "success"});
            Ok(Answer::mirrored(json!({"migration_id": moved.id, "migration_info": info})))
        })
}
