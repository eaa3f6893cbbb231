//! `sys/internal/ui/mounts`, `…/:path`: how a client that knows a path finds the mount it lies in, as `kv` commands do.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use policy::Acl;
use sdk::{Answer, Caller, Ctx, Failure, Input, Map, Path, Result, Value, Verb, View, json};

use super::describe;

#[derive(Input)]
struct At {
    /// A path in the mount that is asked about.
    path: String,
}

#[derive(Input)]
struct Nothing {}

/// Open: what shows follows from the caller's policies, and needs none of its own.
pub fn all(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/mounts")
        .help(
            "Lists the mounts that the caller can use.",
            "A mount shows to those whose policies reach something in it.",
        )
        .open_without_token()
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let acl = ctx.caller.map(|caller| acl(&node, ctx, caller, view)).transpose()?;
            let table = |table| -> Result<Value> {
                let mut shown = Map::new();
                for (path, mount) in node.mounts.list(view, table)? {
                    let listed = mount.config.listing_visibility.as_deref() == Some("unauth");
                    match &acl {
                        Some(acl) if listed || acl.reaches(&mount.full_path()) => {
                            shown.insert(path, describe::mount(&mount));
                        }
                        None if listed => {
                            shown.insert(path, describe::to_strangers(&mount));
                        }
                        _ => {}
                    }
                }
                Ok(Value::Object(shown))
            };
            Ok(Answer::json(json!({"auth": table(Table::Auth)?, "secret": table(Table::Secret)?})))
        })
}

pub fn one(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/mounts/:path+")
        .help("Tells which mount a path lies in.", "A mount shows to those whose policies reach something in it.")
        .open_without_token()
        .view(Verb::Read, move |ctx: &Ctx, at: At, view: &View| find(&node, ctx, &at.path, view))
}

fn acl(node: &Node, ctx: &Ctx, caller: &Caller, view: &View) -> Result<Arc<Acl>> {
    Ok(node.policies.rules(view, &caller.policies, ctx.now)?.acl)
}

fn find(node: &Node, ctx: &Ctx, path: &str, view: &View) -> Result<Answer> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let denied = || {
        Failure::denied(format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path {path:?}"
        ))
    };
    let mount = node.mounts.route(view, path)?.ok_or_else(denied)?.value;
    if !acl(node, ctx, caller, view)?.reaches(&mount.full_path()) {
        return Err(denied());
    }
    Ok(Answer::data(shown(&mount)))
}

fn shown(mount: &Mount) -> Map<String, Value> {
    let mut data = match describe::mount(mount) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    data.insert("path".into(), json!(mount.path));
    data
}
