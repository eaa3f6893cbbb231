//! `sys/mounts`, `sys/mounts/:path`; what `sys/auth` shares with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::identity::mfa;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table, is_builtin};
use holdfast_core::quota;
use sdk::{Answer, Ctx, Failure, FromField, Input, KvPairs, Map, Path, Reply, Result, Txn, Value, Verb, View};

use super::{describe, mount_config, mount_failure};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct At {
    /// Where it is mounted.
    path: String,
}

#[derive(Input)]
struct Enable {
    /// Where to mount it.
    path: String,
    /// The kind of engine or method, as `kv` or `userpass`.
    #[field(name = "type")]
    kind: String,
    /// What it is for.
    description: String,
    /// Lease limits, header lists and visibility.
    config: Map<String, Value>,
    /// The plugin's own options, as `version` for `kv`.
    options: Option<Value>,
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
    let path = Path::new("mounts")
        .ids([(Verb::Read, "mounts-list-secrets-engines")])
        .help("Lists the mounts.", "All secret engines of the namespace and how they are set.");
    listing(path, node, Table::Secret)
}

pub fn one(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let path = Path::new("mounts/:path+")
        .ids([
            (Verb::Read, "mounts-read-configuration"),
            (Verb::Write, "mounts-enable-secrets-engine"),
            (Verb::Delete, "mounts-disable-secrets-engine"),
        ])
        .help("Mounts and unmounts secret engines.", "Unmounting deletes everything that the engine has stored.");
    managing(path, node, mountable, Table::Secret)
}

/// The path that shows a table.
pub(super) fn listing(path: Path, node: &Arc<Node>, table: Table) -> Path {
    let node = Arc::clone(node);
    path.view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
        let mounts = node.mounts.list(view, table)?;
        let all = mounts.iter().map(|(path, mount)| (path.clone(), describe::mount(ctx.namespace, mount)));
        Reply::mirrored(all.collect::<BTreeMap<_, _>>())
    })
}

/// The path where the mounts of a table come and go.
pub(super) fn managing(path: Path, node: &Arc<Node>, mountable: &Arc<Catalog>, table: Table) -> Path {
    let (reads, enables, disables) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let mountable = Arc::clone(mountable);
    path.view(Verb::Read, move |ctx: &Ctx, at: At, view: &View| {
        let mount = found(&reads, view, table, &at.path)?;
        Reply::mirrored(describe::mount(ctx.namespace, &mount))
    })
    .txn(Verb::Write, move |_: &Ctx, input: Enable, txn: &mut Txn| enable(&enables, &mountable, table, input, txn))
    .txn(Verb::Delete, move |ctx: &Ctx, at: At, txn: &mut Txn| {
        if let Some(mount) = disables.mounts.get(txn, table, &at.path)?.filter(|_| table == Table::Auth) {
            mfa::unbind(txn, mfa::Goes::Mount(&mount.accessor))?;
        }
        disables.mounts.remove(txn, &ctx.namespace.id, table, &at.path).map_err(mount_failure)?;
        let mount = format!("{}{}{}/", ctx.namespace.path, table.prefix(), at.path.trim_matches('/'));
        quota::unmounted(txn, &mount)?;
        Ok(Answer::empty())
    })
}

pub(super) fn found(node: &Node, read: &impl sdk::Read, table: Table, path: &str) -> Result<Mount> {
    let path = path.trim_end_matches('/');
    let what = match table {
        Table::Secret => "secret engine mount",
        Table::Auth => "auth engine",
    };
    node.mounts.get(read, table, path)?.ok_or_else(|| Failure::Invalid(format!("No {what} at {path}/")))
}

fn enable(node: &Node, mountable: &Catalog, table: Table, input: Enable, txn: &mut Txn) -> Result<Answer> {
    if !input.plugin_version.is_empty() {
        return Err(Failure::invalid(
            "plugin_version: the plugins of this server are built in and have its own version",
        ));
    }
    let kind = match input.kind.as_str() {
        "plugin" if input.plugin_name.is_empty() => {
            return Err(Failure::invalid("plugin_name must be given where the type is \"plugin\""));
        }
        "" | "plugin" => &input.plugin_name,
        kind => kind,
    };
    if kind.is_empty() {
        return Err(Failure::invalid("backend type must be specified as a string"));
    }
    if is_builtin(table, kind) {
        return Err(Failure::Invalid(format!("mount type of {kind:?} is not mountable: every server has it once")));
    }
    let plugin = mountable
        .find(table.plugins(), kind)
        .ok_or_else(|| Failure::Invalid(format!("plugin not found in the catalog: {kind}")))?;
    let given = match &input.options {
        None => KvPairs::default(),
        Some(given) => KvPairs::from_field(given).map_err(|why| Failure::Invalid(format!("invalid options: {why}")))?,
    };
    let options: BTreeMap<String, String> = plugin.options(kind, given.0)?;
    // Who says null, reads null.
    let null = input.options == Some(Value::Null) && options.is_empty();
    let mut mount = Mount::new(table, &input.path, plugin.types()[0], &input.description);
    mount.options = Some(options).filter(|_| !null);
    mount.local = input.local;
    mount.seal_wrap = input.seal_wrap;
    mount.external_entropy_access = input.external_entropy_access;
    mount_config::set(&mut mount, &input.config)?;
    node.mounts.add(txn, mount).map_err(mount_failure)?;
    Ok(Answer::empty())
}
