//! `sys/remount`: moves a mount to another path.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::quota;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Txn, Verb};
use serde::Serialize;

use super::mount_failure;

#[derive(Input)]
struct Remount {
    /// Where the mount is, with `auth/` before it for an auth method.
    from: String,
    /// Where it is to be.
    to: String,
}

#[derive(Serialize, JsonSchema)]
struct Moved {
    migration_id: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("remount")
        .ids([(Verb::Write, "remount")])
        .help("Moves a mount.", "What is stored stays; policies that name the old path do not follow.")
        .sudo()
        .txn(Verb::Write, move |ctx: &Ctx, input: Remount, txn: &mut Txn| {
            if input.from.is_empty() || input.to.is_empty() {
                return Err(Failure::invalid("both 'from' and 'to' path must be specified as a string"));
            }
            for (name, path) in [("from", &input.from), ("to", &input.to)] {
                unpadded(name, path)?;
            }
            let migration_id = node.mounts.rename(txn, &input.from, &input.to).map_err(mount_failure)?;
            let slashed = |path: &str| format!("{}{}/", ctx.namespace.path, path.trim_matches('/'));
            quota::moved(txn, &slashed(&input.from), &slashed(&input.to))?;
            Ok(Reply::mirrored(Moved { migration_id })?
                .warn("The mount has moved. Its status can be read under the returned migration_id."))
        })
}

fn unpadded(name: &str, path: &str) -> Result<()> {
    if path.trim() == path {
        return Ok(());
    }
    Err(Failure::Invalid(format!("'{name}' path cannot begin or end with white space")))
}
