//! `sys/plugins/catalog`, `…/:type`, `…/:type/:name`: the plugins of this server. All are built in; none can be added.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use sdk::{Answer, Ctx, Failure, Input, Map, Path, PluginKind, Result, Txn, Value, Verb, View, json};

use super::describe::BUILTIN_VERSION;

/// The kinds as the wire names them.
const KINDS: [(&str, PluginKind); 2] = [("auth", PluginKind::Auth), ("secret", PluginKind::Secret)];

const NO_OTHERS: &str = "all plugins that this server has are built in and come with its version";

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// `auth` or `secret`, and the plugin's name.
    name: String,
}

pub fn all(plugins: &Arc<Catalog>) -> Path {
    let plugins = Arc::clone(plugins);
    Path::new("plugins/catalog/?").help("Lists the plugins.", "All kinds of mounts that this server has.").view(
        Verb::Read,
        move |_: &Ctx, Nothing {}: Nothing, _: &View| {
            let mut data = Map::new();
            let mut detailed = Vec::new();
            for (kind, of) in KINDS {
                let names = plugins.names(of);
                detailed.extend(names.iter().map(|name| {
                    json!({
                        "builtin": true,
                        "deprecation_status": "supported",
                        "name": name,
                        "type": kind,
                        "version": BUILTIN_VERSION,
                    })
                }));
                data.insert(kind.into(), json!(names));
            }
            data.insert("detailed".into(), Value::Array(detailed));
            Ok(Answer::data(data))
        },
    )
}

pub fn of_kind(plugins: &Arc<Catalog>, pattern: &'static str, of: PluginKind) -> Path {
    let plugins = Arc::clone(plugins);
    Path::new(pattern).help("Lists the plugins of one kind.", "By the names that mount them.").sudo().view(
        Verb::List,
        move |_: &Ctx, Nothing {}: Nothing, _: &View| {
            let names = plugins.names(of).iter().map(|name| (*name).to_owned()).collect();
            Answer::keys(names)
        },
    )
}

pub fn one(plugins: &Arc<Catalog>) -> Path {
    let plugins = Arc::clone(plugins);
    Path::new("plugins/catalog/:name+")
        .help("Shows a plugin.", "None can be registered, and what is built in stays.")
        .sudo()
        .view(Verb::Read, move |_: &Ctx, named: Named, _: &View| show(&plugins, &named.name))
        .txn(Verb::Write, |_: &Ctx, named: Named, _: &mut Txn| {
            Err(Failure::Invalid(format!("{:?} is not registered: {NO_OTHERS}", named.name)))
        })
        // What was never registered is not there; deleting that is no mistake.
        .txn(Verb::Delete, |_: &Ctx, _: Named, _: &mut Txn| Ok(Answer::empty()))
}

fn show(plugins: &Catalog, path: &str) -> Result<Answer> {
    let (kind, name) = path.split_once('/').unwrap_or(("", path));
    let Some((_, of)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let text = format!("{path:?} names no plugin: say its kind before its name, as auth/userpass or secret/kv");
        return Ok(Answer::empty().warn(text));
    };
    if !plugins.names(*of).contains(&name) {
        return Err(Failure::NotFound);
    }
    Ok(Answer::json(json!({
        "args": null,
        "builtin": true,
        "command": "",
        "deprecation_status": "supported",
        "name": name,
        "sha256": "",
        "version": BUILTIN_VERSION,
    })))
}
