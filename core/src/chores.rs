//! What mounts do without being asked, as rotating a key: the active node does it, one thing at a time.
//!
//! A plugin says what is due ([`sdk::Plugin::due`]). It is asked every few seconds, so what is due waits a little, and longer
//! where there are many mounts, much is due at once or no node is active. Nothing that may be used no more depends on it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use sdk::{Chore, NamespaceId, Plugin};
use storage::{Access, Millis, Path, PathKey, Read, Term};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::change::change_by;
use crate::due;
use crate::lifecycle::Node;
use crate::mount::{Mount, Table};
use crate::replication::Role;
use crate::space;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// Mounts that one look asks; the next one goes on behind them.
const PAGE: usize = 1000;
/// How long the leader's lease may take to be confirmed.
const READ_MAX: Duration = Duration::from_secs(10);
/// Of one mount in a row; then the others have their turn.
const IN_A_ROW: usize = 16;

/// Works until `stop` becomes true.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut walk = Walk::new(PAGE);
    loop {
        match AssertUnwindSafe(walk.look(&node)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::warn!(problem, "mounts could not be asked what is due; it is tried again"),
            Err(_) => tracing::error!("what a mount had due panicked; the others are asked again"),
        }
        if timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// A walk over the mounts of all namespaces, round after round.
pub(crate) struct Walk {
    page: usize,
    /// Whose mounts come next.
    at: NamespaceId,
    table: Table,
    after: Option<PathKey>,
}

impl Walk {
    pub(crate) fn new(page: usize) -> Self {
        Self { page, at: NamespaceId::root(), table: Table::Secret, after: None }
    }

    /// Has each mount of a page do what is due.
    pub(crate) async fn look(&mut self, node: &Node) -> Result<(), String> {
        let Role::Active { term } = node.role() else { return Ok(()) };
        if !node.writes() {
            return Ok(());
        }
        let now = node.replication.read_point(Instant::now() + READ_MAX).await.map_err(|e| e.to_string())?;
        for (ns, mount, plugin) in self.mounts(node).map_err(|e| e.to_string())? {
            let folder = space::mount(&ns, &mount.uuid);
            for _ in 0..IN_A_ROW {
                match next(node, plugin.as_ref(), &ns, &folder, now, term).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(problem) => {
                        let mount = mount.full_path();
                        tracing::warn!(mount, problem, "what is due could not be done; it is tried again");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// A page of them, over as many namespaces as that takes.
    fn mounts(&mut self, node: &Node) -> Result<Vec<(NamespaceId, Mount, Arc<dyn Plugin>)>, Access> {
        let view = node.local_view()?;
        let (mut found, mut left) = (Vec::new(), self.page);
        for _ in 0..self.page {
            let mut page = Vec::new();
            if node.barrier.holds(self.at.keyring()) {
                let records = view.elsewhere(space::records(&self.at));
                page = node.mounts.page(&records, self.table, self.after.as_ref(), left)?;
            }
            let full = page.len() == left;
            left -= page.len();
            self.after = page.last().map(|(key, _)| key.clone());
            for (_, mount) in page.into_iter().filter(|(_, mount)| !mount.is_builtin()) {
                if let Some(plugin) = node.plugin(mount.table.plugins(), &mount.type_name) {
                    found.push((self.at.clone(), mount, plugin));
                }
            }
            if full {
                break;
            }
            self.after = None;
            if self.table == Table::Secret {
                self.table = Table::Auth;
                continue;
            }
            self.table = Table::Secret;
            self.at = node.namespaces.behind(&view, &self.at)?.unwrap_or_default();
            if self.at.is_root() {
                break;
            }
        }
        Ok(found)
    }
}

/// Has a namespace's mount of a built-in kind do what is due. Those are not walked: [`due::wake`] says when to ask, and
/// `woken` are the entries that said so. It is woken again when there is more to do, behind the others if that is now, or after a while if this could not be done.
pub(crate) async fn awake(
    node: &Node,
    namespace: &NamespaceId,
    kind: &str,
    woken: &[PathKey],
    now: Millis,
    term: Term,
) -> Result<(), String> {
    let folder = space::records(namespace);
    let plugin = node.plugin(Table::Secret.plugins(), kind);
    let mut failed = false;
    for _ in 0..IN_A_ROW {
        let Some(plugin) = &plugin else { break };
        match next(node, plugin.as_ref(), namespace, &folder, now, term).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => {
                tracing::warn!(mount = kind, problem, "what is due could not be done; it is tried again");
                failed = true;
                break;
            }
        }
    }
    let done = change_by(node, now, term, |state| -> sdk::Result<()> {
        let view = state.view(folder);
        let mut order = state.at(space::schedule(namespace));
        for key in woken {
            // Relied on: an entry that was written again meanwhile stays.
            order.bytes(key)?;
            order.delete(key);
        }
        let next = plugin.as_ref().map(|plugin| plugin.next_due(&view)).transpose()?.flatten();
        if let Some(at) = next {
            due::wake(&mut order, namespace, if at <= now && failed { now.plus(LOOK) } else { at }, kind)?;
        }
        Ok(())
    });
    done.await.map(|_| ()).map_err(|e| e.to_string())
}

/// Does what has waited longest. False: nothing is due, or the namespace is sealed or gone, also if only just.
async fn next(
    node: &Node,
    plugin: &dyn Plugin,
    namespace: &NamespaceId,
    folder: &Path,
    now: Millis,
    term: Term,
) -> Result<bool, String> {
    let view = node.local_view().map_err(|e| e.to_string())?;
    let served = node.namespaces.served(&view, namespace).map_err(|e| e.to_string())?;
    let (Some(rely_on), view) = (served, view.elsewhere(folder.clone())) else { return Ok(false) };
    let Some(chore): Option<Chore> = plugin.due(&view, now).map_err(|e| e.to_string())? else { return Ok(false) };
    let finish = spawn_blocking(chore).await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let done = change_by(node, now, term, |state| {
        rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
        finish(&mut state.at(folder.clone()))
    });
    done.await.map(|_| true).map_err(|e| e.to_string())
}
