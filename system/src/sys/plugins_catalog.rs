//! `sys/plugins/catalog`, `…/:type`, `…/:type/:name`: the plugins of this server. All are built in; none can be added.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Outcome, Path, PluginKind, Reply, Result, Txn, Verb, View, json};
use serde::Serialize;

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

#[derive(Serialize, JsonSchema)]
struct All {
    auth: Vec<&'static str>,
    secret: Vec<&'static str>,
    detailed: Vec<Detailed>,
}

#[derive(Serialize, JsonSchema)]
struct Detailed {
    builtin: bool,
    deprecation_status: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct One {
    args: Option<Vec<String>>,
    builtin: bool,
    command: &'static str,
    deprecation_status: &'static str,
    name: String,
    sha256: &'static str,
    version: &'static str,
}

pub fn all(plugins: &Arc<Catalog>) -> Path {
    let plugins = Arc::clone(plugins);
    Path::new("plugins/catalog/?").help("Lists the plugins.", "All kinds of mounts that this server has.").view(
        Verb::Read,
        move |_: &Ctx, Nothing {}: Nothing, _: &View| {
            let of = |kind: &'static str, plugins: &[&'static str]| -> Vec<Detailed> {
                let detailed = |name: &&'static str| Detailed {
                    builtin: true,
                    deprecation_status: "supported",
                    name,
                    kind,
                    version: BUILTIN_VERSION,
                };
                plugins.iter().map(detailed).collect()
            };
            let (auth, secret) = (plugins.names(PluginKind::Auth), plugins.names(PluginKind::Secret));
            let detailed = of("auth", &auth).into_iter().chain(of("secret", &secret)).collect();
            Reply::data(All { auth, secret, detailed })
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
        .answers(Verb::Read, Outcome::data::<Option<One>>())
        .view(Verb::Read, move |_: &Ctx, named: Named, _: &View| show(&plugins, &named.name))
        .txn(Verb::Write, |_: &Ctx, named: Named, _: &mut Txn| {
            Err::<Answer, _>(Failure::Invalid(format!("{:?} is not registered: {NO_OTHERS}", named.name)))
        })
        // What was never registered is not there; deleting that is no mistake.
        .txn(Verb::Delete, |_: &Ctx, _: Named, _: &mut Txn| Ok(Answer::empty()))
}

fn show(plugins: &Catalog, path: &str) -> Result<Answer> {
    let (kind, name) = path.split_once('/').unwrap_or(("", path));
    if kind == "database" {
        return Err(Failure::NotFound);
    }
    let Some((_, of)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let text = format!("{path:?} names no plugin: say its kind before its name, as auth/userpass or secret/kv");
        return Ok(Answer::empty().warn(text));
    };
    if !plugins.names(*of).contains(&name) {
        return Err(Failure::NotFound);
    }
    let one = One {
        args: None,
        builtin: true,
        command: "",
        deprecation_status: "supported",
        name: name.to_owned(),
        sha256: "",
        version: BUILTIN_VERSION,
    };
    Ok(Answer::json(json!(one)))
}
