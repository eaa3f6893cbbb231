//! `sys/internal/ui/mounts/:path`: how a client that knows a path finds the mount it lies in, as `kv` commands do.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Map, Path, Result, Value, Verb, View, json};

use super::describe;

#[derive(Input)]
struct At {
    /// A path in the mount that is asked about.
    path: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/mounts/:path*")
        .help("Tells which mount a path lies in.", "Shows a mount to those whose policies reach something in it.")
        .view(Verb::Read, move |ctx: &Ctx, at: At, view: &View| find(&node, ctx, &at.path, view))
}

fn find(node: &Node, ctx: &Ctx, path: &str, view: &View) -> Result<Answer> {
    let denied = || Failure::denied("preflight capability check returned 403, please ensure client's policies grant access to path");
    let caller = ctx.caller.ok_or_else(denied)?;
    let mount = node.mounts.route(view, path)?.ok_or_else(denied)?.value;
    let rules = node.policies.rules(view, &caller.policies, ctx.now)?;
    if !rules.acl.reaches(&mount.full_path()) {
        return Err(denied());
    }
    let mut data: Map<String, Value> = match describe::mount(&mount) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    data.insert("path".into(), json!(mount.full_path()));
    Ok(Answer::data(data))
}
