//! Where a request goes: its mount, and the declared path below it.

use std::sync::Arc;

use sdk::{Failure, Handler, Matched, MountInfo, Namespace, Operation, Other, Plugin, Step, Verb};
use storage::View;

use super::RelyOn;
use crate::catalog::Catalog;
use crate::lifecycle::Node;
use crate::mount::Mount;
use crate::namespace::Address;
use crate::request::Request;
use crate::space;

pub struct Located {
    pub namespace: Namespace,
    /// Whether the path said so, or a part of it.
    pub by_path: bool,
    pub mount: Arc<Mount>,
    pub info: MountInfo,
    pub plugin: Arc<dyn Plugin>,
    /// Below the mount.
    pub path: String,
    /// The declared path that it fits, if there is one.
    pub matched: Option<Matched>,
    /// The other mount that the operation touches, if there is one where the request says.
    pub other: Option<Other>,
}

/// What an operation may do, which decides where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    View,
    /// A view if what it names exists, a transaction otherwise.
    Upsert,
    Txn,
    Act {
        here: bool,
    },
    /// No such operation. The active node says so: it knows newer mounts.
    None,
}

impl Located {
    pub fn kind(&self, request: &Request) -> Kind {
        if request.help {
            return Kind::View;
        }
        match self.matched.as_ref().map(|matched| matched.operation(request.verb)) {
            Some(Ok(operation)) => match &operation.handler {
                Handler::View(_) if request.wrap_ttl.is_none() => Kind::View,
                Handler::Upsert(_) if request.wrap_ttl.is_none() => Kind::Upsert,
                // The wrapping token is written.
                Handler::View(_) | Handler::Upsert(_) | Handler::Txn(_) | Handler::Slow(_) | Handler::Batch(_) => {
                    Kind::Txn
                }
                Handler::Act(act) => Kind::Act { here: act.here() },
                Handler::Node => Kind::None,
            },
            _ => Kind::None,
        }
    }

    /// Whether the root namespace alone has it.
    pub(super) fn is_out_of_reach(&self) -> bool {
        let matched = self.matched.as_ref();
        !self.namespace.is_root() && matched.is_some_and(|matched| matched.path.root_only)
    }

    /// What the request consists of, if it is a batch.
    pub(super) fn steps(&self, request: &Request) -> Option<Result<Vec<Step>, Failure>> {
        let matched = self.matched.as_ref().filter(|_| !request.help)?;
        let Ok(Operation { handler: Handler::Batch(steps), .. }) = matched.operation(request.verb) else { return None };
        Some(steps(&matched.params(request.body.clone())))
    }

    /// Who wants to log in, if that is what the request is.
    pub(super) fn login_alias(&self, request: &Request) -> Option<String> {
        let matched = self.matched.as_ref()?;
        let name = matched.path.login?;
        matched
            .params(request.body.clone())
            .take::<String>(name)
            .ok()
            .flatten()
            .map(|alias| alias.trim().to_lowercase())
    }
}

/// Whether a path needs the capability `sudo` besides. It begins in the namespace `from`, a path itself, and may lead into
/// one below. `view` is anywhere.
pub fn is_protected(node: &Node, catalog: &Catalog, view: &View, from: &str, path: &str) -> Result<bool, Failure> {
    let Ok(address) = node.namespaces.address(&node.mounts, view, from, path, &mut RelyOn::new()) else {
        return Ok(false);
    };
    let (Some(mount), path) = (address.mount.map(|found| found.value), address.path.as_str()) else { return Ok(false) };
    let Some(plugin) = catalog.find(mount.table.plugins(), &mount.type_name) else { return Ok(false) };
    let below = path.strip_prefix(&mount.full_path()).unwrap_or_default();
    Ok(plugin.backend(&node.mounts.info(&mount)).find(below).is_some_and(|matched| matched.path.sudo))
}

/// Where a request goes: the namespace, and the path in it. `view` is anywhere.
pub(super) fn address(node: &Node, view: &View, request: &Request, rely_on: &mut RelyOn) -> Result<Address, Failure> {
    node.namespaces.address(&node.mounts, view, &request.namespace, &request.path, rely_on)
}

/// The same in one, for who only wants to know what kind of request it is. What cannot be found may be somewhere by now:
/// the active node says so.
pub fn locate(node: &Node, catalog: &Catalog, view: &View, request: &Request) -> Result<Option<Located>, Failure> {
    let mut rely_on = RelyOn::new();
    match address(node, view, request, &mut rely_on) {
        Ok(address) => locate_at(node, catalog, view, request, &address, &mut rely_on),
        Err(Failure::NoSuch(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

pub(super) fn locate_at(
    node: &Node,
    catalog: &Catalog,
    view: &View,
    request: &Request,
    address: &Address,
    rely_on: &mut RelyOn,
) -> Result<Option<Located>, Failure> {
    let Some(found) = &address.mount else { return Ok(None) };
    rely_on.push((found.path.clone(), Some(found.revision)));
    let mount = Arc::clone(&found.value);
    let namespace = address.place.namespace.clone();
    let plugin = catalog.find(mount.table.plugins(), &mount.type_name).ok_or_else(|| {
        Failure::Unavailable(format!(
            "this server has no plugin {:?}, which is mounted at {:?}",
            mount.type_name, mount.path
        ))
    })?;
    let full = mount.full_path();
    let mut path = address.path.strip_prefix(&full).unwrap_or_default().to_owned();
    if matches!(request.verb, Verb::List | Verb::Scan) && !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    let info = node.mounts.info(&mount);
    let matched = plugin.backend(&info).find(&path);
    let other = match matched.as_ref().filter(|_| request.verb == Verb::Write && !request.help) {
        Some(matched) => other(node, view, &namespace, matched, request, rely_on)?,
        None => None,
    };
    let by_path = address.by_path;
    Ok(Some(Located { namespace, by_path, info, plugin: Arc::clone(plugin), path, matched, other, mount }))
}

/// What is wrong with the request is said to who may know: here it touches nothing.
fn other(
    node: &Node,
    view: &View,
    namespace: &Namespace,
    matched: &Matched,
    request: &Request,
    rely_on: &mut RelyOn,
) -> Result<Option<Other>, Failure> {
    if !matched.path.touches_more() {
        return Ok(None);
    }
    let touches = matched.touches(&matched.params(request.body.clone()));
    let Some(path) = touches.ok().flatten().and_then(|touches| touches.other) else { return Ok(None) };
    let records = view.elsewhere(space::records(&namespace.id));
    let Some(found) = node.mounts.route(&records, &path)? else { return Ok(None) };
    let mount = found.value;
    if mount.is_builtin() || mount.full_path() != path {
        return Ok(None);
    }
    rely_on.push((found.path, Some(found.revision)));
    let folder = space::mount(&namespace.id, &mount.uuid);
    Ok(Some(Other::new(node.mounts.info(&mount), folder)))
}
