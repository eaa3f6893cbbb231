//! `sys/plugins/reload/backend`: what clients do after they replaced a plugin. Here there is nothing to load again.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{CommaList, Ctx, Failure, Input, Path, PluginKind, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Reload {
    /// A plugin's name.
    plugin: String,
    /// Paths of mounts, with `auth/` before those of auth methods.
    mounts: CommaList,
}

#[derive(Serialize, JsonSchema)]
struct Reloaded {
    reload_id: String,
}

pub fn path(node: &Arc<Node>, plugins: &Arc<Catalog>) -> Path {
    let (node, plugins) = (Arc::clone(node), Arc::clone(plugins));
    Path::new("plugins/reload/backend")
        .help(
            "Loads a plugin again.",
            "The plugins are part of this server and keep nothing: it says so, and does nothing.",
        )
        .view(Verb::Write, move |_: &Ctx, asked: Reload, view: &View| {
            match (asked.plugin.as_str(), asked.mounts.0.as_slice()) {
                ("", []) => return Err(Failure::invalid("plugin or mounts must be provided")),
                ("", mounts) => {
                    for mount in mounts {
                        let path = format!("{}/", mount.trim_end_matches('/'));
                        if node.mounts.route(view, &path)?.is_none_or(|found| found.value.full_path() != path) {
                            return Err(Failure::Invalid(format!("no mount at {path:?}")));
                        }
                    }
                }
                (plugin, []) => {
                    let known = |kind| plugins.names(kind).contains(&plugin);
                    if !known(PluginKind::Auth) && !known(PluginKind::Secret) {
                        return Err(Failure::Invalid(format!("plugin not found in the catalog: {plugin:?}")));
                    }
                }
                _ => return Err(Failure::invalid("plugin and mounts cannot be set at the same time")),
            }
            Reply::data(Reloaded { reload_id: hex::encode(crypto::random::<16>()) })
        })
}
