//! `sys/mounts/:path/tune`, and for auth mounts `sys/mounts/auth/:path/tune`; what `sys/auth/:path/tune` shares with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use sdk::{Answer, Ctx, Failure, Input, KvPairs, Map, Path, Reply, Result, Txn, Value, Verb, View};

use super::mounts::found;
use super::{describe, mount_config, mount_failure};

#[derive(Input)]
struct At {
    /// Where it is mounted.
    path: String,
}

#[derive(Input)]
struct Tune {
    /// Where it is mounted.
    path: String,
    /// How long leases live unless something else is asked for.
    default_lease_ttl: Option<Value>,
    /// How long leases can live.
    max_lease_ttl: Option<Value>,
    /// What the mount is for.
    description: Option<String>,
    /// Whether the mount shows to those who may not use it: `hidden` or `unauth`.
    listing_visibility: Option<Value>,
    /// Request fields that audit shows as they are.
    audit_non_hmac_request_keys: Option<Value>,
    /// Answer fields that audit shows as they are.
    audit_non_hmac_response_keys: Option<Value>,
    /// Request headers that the engine may see.
    passthrough_request_headers: Option<Value>,
    /// Headers that the engine may answer with.
    allowed_response_headers: Option<Value>,
    /// The engine's own options.
    options: Option<KvPairs>,
    /// The type of the tokens that an auth mount gives.
    token_type: Option<Value>,
    /// When users who give wrong credentials are not let in for a while.
    user_lockout_config: Option<Value>,
}

pub fn path(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let path = Path::new("mounts/:path+/tune")
        .ids([(Verb::Read, "mounts-read-tuning-information"), (Verb::Write, "mounts-tune-configuration-parameters")])
        .help("Shows and changes how a mount is set.", "Limits read back as they are in force.");
    tuning(path, node, mountable, Table::of)
}

/// The path where a mount is tuned. `place` says which one a request's path means.
pub(super) fn tuning(path: Path, node: &Arc<Node>, mountable: &Arc<Catalog>, place: fn(&str) -> (Table, &str)) -> Path {
    let (reads, writes) = (Arc::clone(node), Arc::clone(node));
    let mountable = Arc::clone(mountable);
    path.view(Verb::Read, move |ctx: &Ctx, at: At, view: &View| {
        let (table, path) = place(&at.path);
        let mount = found(&reads, view, table, path)?;
        let info = reads.mounts.info(&mount);
        Reply::mirrored(describe::tuned(ctx.namespace, &mount, &info))
    })
    .txn(Verb::Write, move |_: &Ctx, input: Tune, txn: &mut Txn| {
        let (table, path) = place(&input.path);
        let mount = found(&writes, txn, table, path)?;
        tune(&writes, &mountable, mount, input, txn)
    })
}

fn tune(node: &Node, mountable: &Catalog, mut mount: Mount, input: Tune, txn: &mut Txn) -> Result<Answer> {
    let given: Map<String, Value> = [
        ("default_lease_ttl", input.default_lease_ttl),
        ("max_lease_ttl", input.max_lease_ttl),
        ("listing_visibility", input.listing_visibility),
        ("audit_non_hmac_request_keys", input.audit_non_hmac_request_keys),
        ("audit_non_hmac_response_keys", input.audit_non_hmac_response_keys),
        ("passthrough_request_headers", input.passthrough_request_headers),
        ("allowed_response_headers", input.allowed_response_headers),
        ("token_type", input.token_type),
        ("user_lockout_config", input.user_lockout_config),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|v| (name.to_owned(), v)))
    .collect();
    if mount.is_builtin() && mount.table == Table::Secret {
        let given = |name: &str| given.contains_key(name) || name == "description" && input.description.is_some();
        let fixed = ["default_lease_ttl", "max_lease_ttl", "description"].into_iter().find(|name| given(name));
        if let Some(name) = fixed {
            return Err(Failure::Invalid(format!("cannot tune parameter {name} of {}", mount.path)));
        }
    }
    mount_config::set(&mut mount, &given)?;
    if let Some(description) = input.description {
        mount.description = description;
    }
    let mut answer = Answer::empty();
    if let Some(options) = input.options {
        answer = set_options(mountable, &mut mount, options.0)?;
    }
    node.mounts.update(txn, &mount).map_err(mount_failure)?;
    Ok(answer)
}

/// The plugin decides what its options may become.
fn set_options(mountable: &Catalog, mount: &mut Mount, given: BTreeMap<String, String>) -> Result<Answer> {
    let before = mount.options.clone().unwrap_or_default();
    let mut merged = before.clone();
    merged.extend(given.into_iter().filter(|(_, value)| !value.is_empty()));
    if let Some(plugin) = mountable.find(mount.table.plugins(), &mount.type_name) {
        merged = plugin.retune(&before, merged)?;
    }
    let version = |options: &BTreeMap<String, String>| options.get("version").cloned().unwrap_or_else(|| "1".into());
    let (from, to) = (version(&before), version(&merged));
    mount.options = Some(merged);
    if from == to {
        return Ok(Answer::empty());
    }
    Ok(Answer::empty().warn(format!("The mount was upgraded from version {from} to version {to}.")))
}
