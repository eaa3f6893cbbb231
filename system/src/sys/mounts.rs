//! `sys/mounts`, `sys/mounts/:path`.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, MountConfig, Table};
use sdk::duration::{SECOND, parse};
use sdk::{Answer, CommaList, Ctx, Failure, FromField, Input, KvPairs, Map, Path, Result, Txn, Value, Verb, View};

use super::{describe, mount_failure};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct At {
    /// Where the engine is mounted.
    path: String,
}

#[derive(Input)]
struct Enable {
    /// Where to mount it.
    path: String,
    /// The kind of engine, as `kv`.
    #[field(name = "type")]
    kind: String,
    /// What it is for.
    description: String,
    /// Lease limits, header lists and visibility.
    config: Map<String, Value>,
    /// The engine's own options, as `version` for `kv`.
    options: KvPairs,
    /// Kept out of performance replication.
    local: bool,
    /// Wraps sensitive values by the seal as well.
    seal_wrap: bool,
    /// Takes randomness from an outside source as well.
    external_entropy_access: bool,
    /// The plugin's name where it differs from the type.
    #[field(deprecated)]
    plugin_name: String,
    /// The plugin's version.
    plugin_version: String,
}

pub fn list(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("mounts").help("Lists the mounts.", "All secret engines of the namespace and how they are set.").view(
        Verb::Read,
        move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let mounts = node.mounts.list(view, Table::Secret)?;
            let all: Map<String, Value> = mounts.iter().map(|(path, m)| (path.clone(), describe::mount(m))).collect();
            Ok(Answer::mirrored(Value::Object(all)))
        },
    )
}

pub fn one(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let (reads, enables, disables) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let mountable = Arc::clone(mountable);
    Path::new("mounts/:path+")
        .help("Mounts and unmounts secret engines.", "Unmounting deletes everything that the engine has stored.")
        .view(Verb::Read, move |_: &Ctx, at: At, view: &View| {
            let mount = found(&reads, view, &at.path)?;
            Ok(Answer::mirrored(describe::mount(&mount)))
        })
        .txn(Verb::Write, move |_: &Ctx, input: Enable, txn: &mut Txn| enable(&enables, &mountable, input, txn))
        .txn(Verb::Delete, move |ctx: &Ctx, at: At, txn: &mut Txn| {
            disables.mounts.remove(txn, ctx.namespace, Table::Secret, &at.path).map_err(mount_failure)?;
            Ok(Answer::empty())
        })
}

pub(super) fn found(node: &Node, read: &impl sdk::Read, path: &str) -> Result<Mount> {
    let path = path.trim_end_matches('/');
    node.mounts
        .get(read, Table::Secret, path)?
        .ok_or_else(|| Failure::Invalid(format!("No secret engine mount at {path}/")))
}

fn enable(node: &Node, mountable: &Catalog, input: Enable, txn: &mut Txn) -> Result<Answer> {
    let kind = if input.kind.is_empty() { &input.plugin_name } else { &input.kind };
    if !input.plugin_version.is_empty() {
        return Err(Failure::invalid(
            "plugin_version: the plugins of this server are built in and have its own version",
        ));
    }
    if kind.is_empty() {
        return Err(Failure::invalid("backend type must be specified as a string"));
    }
    if matches!(kind.as_str(), "system" | "identity" | "cubbyhole") {
        return Err(Failure::invalid(format!("mount type of {kind:?} is not mountable")));
    }
    let plugin = mountable
        .find(sdk::PluginKind::Secret, kind)
        .ok_or_else(|| Failure::Invalid(format!("plugin not found in the catalog: {kind}")))?;
    let options: BTreeMap<String, String> = plugin.options(kind, input.options.0)?;
    let mut mount = Mount::new(Table::Secret, &input.path, plugin.types()[0], &input.description);
    mount.options = Some(options);
    mount.local = input.local;
    mount.seal_wrap = input.seal_wrap;
    mount.external_entropy_access = input.external_entropy_access;
    set_config(&mut mount.config, &input.config)?;
    node.mounts.add(txn, mount).map_err(mount_failure)?;
    Ok(Answer::empty())
}

/// Takes what `config` names; leaves the rest.
pub(super) fn set_config(config: &mut MountConfig, given: &Map<String, Value>) -> Result<()> {
    let lenient = |name: &str, why: String| Failure::Invalid(format!("invalid {name}: {why}"));
    for (name, value) in given {
        let list = || CommaList::from_field(value).map(|l| Some(l.0)).map_err(|why| lenient(name, why));
        let text = || String::from_field(value).map_err(|why| lenient(name, why));
        match name.as_str() {
            "default_lease_ttl" => config.default_lease_ttl = ttl("default", value)?,
            "max_lease_ttl" => config.max_lease_ttl = ttl("max", value)?,
            "force_no_cache" => {
                config.force_no_cache = bool::from_field(value).map_err(|why| lenient(name, why))?;
            }
            "listing_visibility" => config.listing_visibility = visibility(&text()?)?,
            "audit_non_hmac_request_keys" => config.audit_non_hmac_request_keys = list()?,
            "audit_non_hmac_response_keys" => config.audit_non_hmac_response_keys = list()?,
            "passthrough_request_headers" => config.passthrough_request_headers = list()?,
            "allowed_response_headers" => config.allowed_response_headers = list()?,
            "token_type" => config.token_type = Some(text()?),
            _ => {}
        }
    }
    Ok(())
}

/// Seconds. "system" and nothing both mean the server's own limit, which is zero here.
pub(super) fn ttl(which: &str, value: &Value) -> Result<u64> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(text) if text == "system" => return Ok(0),
        Value::String(text) => text.clone(),
        Value::Null => return Ok(0),
        other => other.to_string(),
    };
    let nanos = parse(&text).filter(|n| *n >= 0);
    let seconds = nanos.and_then(|n| u64::try_from(n / SECOND).ok());
    seconds.ok_or_else(|| {
        Failure::Invalid(format!(
            "unable to parse {which} TTL of {text}: it must be a duration, as 3600, \"1h\" or \"2d\""
        ))
    })
}

pub(super) fn visibility(text: &str) -> Result<Option<String>> {
    match text {
        "" => Ok(None),
        "hidden" | "unauth" => Ok(Some(text.to_owned())),
        other => Err(Failure::Invalid(format!("invalid listing_visibility {other}; it is \"hidden\" or \"unauth\""))),
    }
}
