//! What `path` and `role` of a quota mean: which namespace or mount it holds for, and what below it. Paths are from the root.

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::Table;
use holdfast_core::quota::{RULES_MAX, Scope};
use sdk::{Failure, Result, Txn};
use storage::Access;

/// Refuses a rule that another one is like, or that is one too many. `rules` are those that there are, by their names.
pub fn check_room<'r>(
    rules: impl ExactSizeIterator<Item = (&'r String, &'r Scope)>,
    name: &str,
    scope: &Scope,
    kind: &str,
) -> Result<()> {
    let (count, mut known) = (rules.len(), false);
    for (other, held) in rules {
        known |= other == name;
        if held == scope && other != name {
            let text = format!("quota rule with similar properties exists under the name {other:?}");
            return Err(Failure::Invalid(text));
        }
    }
    if count >= RULES_MAX && !known {
        return Err(Failure::Invalid(format!("there are {RULES_MAX} {kind} already, which is the most")));
    }
    Ok(())
}

pub fn parse(node: &Node, mountable: &Catalog, txn: &Txn, path: &str, role: &str) -> Result<Scope> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        if !role.is_empty() {
            return Err(Failure::invalid("a quota by role needs the path of the auth method whose role it is"));
        }
        return Ok(Scope::default());
    }
    let from_root = format!("{path}/");
    let address = node.namespaces.address(&node.mounts, &txn.as_view(), "", &from_root, &mut Vec::new())?;
    let namespace = &address.place.namespace;
    if address.place.is_sealed() {
        return Err(Access::NamespaceSealed(namespace.id.keyring().to_owned()).into());
    }
    let Some(mount) = address.mount.map(|found| found.value) else {
        if !namespace.is_root() && address.path.is_empty() && role.is_empty() {
            return Ok(Scope { namespace: namespace.path.clone(), ..Scope::default() });
        }
        return Err(Failure::Invalid(format!("invalid mount path {path:?}: nothing is mounted there")));
    };
    let full = mount.full_path();
    let below = address.path.strip_prefix(full.trim_end_matches('/')).unwrap_or_default().trim_matches('/');
    if !role.is_empty() {
        if !below.is_empty() {
            return Err(Failure::invalid("a quota has a role or a path below its mount, not both"));
        }
        let backend = mountable.find(mount.table.plugins(), &mount.type_name);
        let info = node.mounts.info(&mount);
        let has_roles = backend.is_some_and(|plugin| plugin.backend(&info).paths.iter().any(|path| path.tells_role()));
        if mount.table != Table::Auth || !has_roles {
            return Err(Failure::Invalid(format!("logins at {full:?} have no role that a quota could be by")));
        }
    }
    let mount = format!("{}{full}", namespace.path);
    Ok(Scope { mount, below: below.to_owned(), role: role.to_owned(), ..Scope::default() })
}
