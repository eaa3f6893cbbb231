//! `sys/internal/ui/mounts`, `…/:path`: how a client that knows a path finds the mount it lies in, as `kv` commands do.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use policy::Acl;
use schemars::JsonSchema;
use sdk::{Caller, Ctx, Failure, Input, Path, Reply, Result, Verb, View};
use serde::Serialize;

use super::describe;

#[derive(Input)]
struct At {
    /// A path in the mount that is asked about.
    path: String,
}

#[derive(Input)]
struct Nothing {}

/// Of a mount as much as the caller may know.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Known {
    All(Box<describe::Shown>),
    AsStranger(describe::ForStrangers),
}

#[derive(Serialize, JsonSchema)]
struct All {
    auth: BTreeMap<String, Known>,
    secret: BTreeMap<String, Known>,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    #[serde(flatten)]
    mount: describe::Shown,
    /// Of the mount, from the namespace of the request.
    path: String,
}

/// Open: what shows follows from the caller's policies, and needs none of its own.
pub fn all(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/mounts")
        .ids([(Verb::Read, "internal-ui-list-enabled-visible-mounts")])
        .help(
            "Lists the mounts that the caller can use.",
            "A mount shows to those whose policies reach something in it.",
        )
        .open_without_token()
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let reach = ctx.caller.map(|caller| Reach::of(&node, ctx, caller, view)).transpose()?;
            let table = |table| -> Result<BTreeMap<String, Known>> {
                let mut shown = BTreeMap::new();
                for (path, mount) in node.mounts.list(view, table)? {
                    let listed = mount.config.listing_visibility.as_deref() == Some("unauth");
                    match &reach {
                        Some(reach) if listed || reach.includes(&mount) => {
                            shown.insert(path, Known::All(Box::new(describe::mount(ctx.namespace, &mount))));
                        }
                        None if listed => {
                            shown.insert(path, Known::AsStranger(describe::to_strangers(&mount)));
                        }
                        _ => {}
                    }
                }
                Ok(shown)
            };
            Reply::data(All { auth: table(Table::Auth)?, secret: table(Table::Secret)? })
        })
}

pub fn one(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("internal/ui/mounts/:path+")
        .ids([(Verb::Read, "internal-ui-read-mount-information")])
        .help("Tells which mount a path lies in.", "A mount shows to those whose policies reach something in it.")
        .open_without_token()
        .view(Verb::Read, move |ctx: &Ctx, at: At, view: &View| find(&node, ctx, &at.path, view))
}

/// What the caller's policies reach.
struct Reach<'a> {
    caller: &'a Caller,
    acl: Arc<Acl>,
}

impl<'a> Reach<'a> {
    fn of(node: &Node, ctx: &Ctx, caller: &'a Caller, view: &View) -> Result<Self> {
        let acl = node.policies.rules_of(view, &caller.home, &caller.policies, &caller.entity_id, ctx.now)?.acl;
        Ok(Self { caller, acl })
    }

    fn includes(&self, mount: &Mount) -> bool {
        self.comes_to(&mount.full_path())
    }

    /// Whether they allow anything at a path that ends with a slash, or below.
    fn comes_to(&self, path: &str) -> bool {
        self.caller.sees(path).is_some_and(|path| self.acl.reaches(&path))
    }
}

/// Also in a namespace below, whose path it begins with. Whoever may use nothing there is not told whether anything is.
fn find(node: &Node, ctx: &Ctx, path: &str, view: &View) -> Result<Reply<Found>> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let reach = Reach::of(node, ctx, caller, view)?;
    let denied = || {
        Failure::denied(format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path {path:?}"
        ))
    };
    let address = node.namespaces.address(&node.mounts, view, &ctx.namespace.path, path, &mut Vec::new())?;
    let place = &address.place;
    let below = ctx.namespace.way_to(&place.namespace).ok_or_else(denied)?;
    if let Some(closed) = place.closed() {
        return Err(if reach.comes_to(below) { closed } else { denied() });
    }
    let Some(mount) = address.mount.map(|found| found.value) else {
        let nothing = || Failure::denied(format!("nothing is mounted at {path:?}, or above it"));
        return Err(if reach.comes_to(&format!("{}/", path.trim_end_matches('/'))) { nothing() } else { denied() });
    };
    let full = format!("{below}{}", mount.full_path());
    if !reach.comes_to(&full) {
        return Err(denied());
    }
    let path = if below.is_empty() { mount.path.clone() } else { full };
    Reply::data(Found { mount: describe::mount(&place.namespace, &mount), path })
}
