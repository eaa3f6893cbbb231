//! Namespaces that are being removed. They are found no more, so nothing of them counts; what they hold goes in steps.

use sdk::{Namespace, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Seg, Txn};

use super::{DEPTH_MAX, NamespaceRecord, Namespaces, above_key, below_folder, made_in_key, name_key, record_key, root};
use crate::mount::Mounts;
use crate::space;

/// What is needed to remove one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Doomed {
    pub id: NamespaceId,
    pub above: NamespaceId,
    /// From the root.
    pub path: String,
    /// Whether it was sealed: then it goes unseen, with all that lies in it.
    #[serde(default)]
    pub sealed: bool,
}

fn folder() -> PathKey {
    PathKey::kind("namespace-doomed")
}

impl Doomed {
    pub(super) fn note(txn: &mut Txn, above: &Namespace, record: &NamespaceRecord) -> Result<(), Access> {
        let path = format!("{}{}/", above.path, record.name);
        let doomed = Self { id: record.id.clone(), above: above.id.clone(), path, sealed: record.is_sealed() };
        txn.elsewhere(root()).put(&folder().plain(doomed.id.as_str()), &doomed)
    }

    /// If that one is. `read` is at the root's records.
    pub(crate) fn of(read: &impl Read, id: &NamespaceId) -> Result<Option<Self>, Access> {
        if id.is_root() { Ok(None) } else { read.get(&folder().plain(id.as_str())) }
    }

    /// The first behind another one. `read` is at the root's records.
    pub(crate) fn next(read: &impl Read, after: Option<&NamespaceId>) -> Result<Option<Self>, Access> {
        let after = after.map(|id| folder().plain(id.as_str()));
        let Some(key) = read.range(&folder(), after.as_ref(), 1)?.pop() else { return Ok(None) };
        match key.segs().last() {
            Some(Seg::Plain(_)) => read.get(&key),
            _ => Ok(None),
        }
    }

    /// The last step: everything that lies below its id, and then itself.
    pub(crate) fn remove(&self, mounts: &Mounts, txn: &mut Txn) -> Result<(), Access> {
        forget(txn, &self.above, &self.id);
        let mut above = txn.elsewhere(space::records(&self.above));
        if let Some(record) = above.get_for_update::<NamespaceRecord>(&record_key(&self.id))? {
            above.delete(&name_key(&record.name));
            mounts.release(&mut above, &record.name);
        }
        above.delete(&record_key(&self.id));
        Namespaces::forget_seal(&mut above, &self.id);
        Ok(())
    }

    /// Removes some of what lies in it, the innermost first, without looking at any of their records, which go with it.
    /// Answers which.
    pub(crate) fn remove_below(&self, txn: &mut Txn) -> Result<Vec<NamespaceId>, Access> {
        let (at_root, mut above) = (txn.as_view().elsewhere(root()), self.id.clone());
        for _ in 0..=DEPTH_MAX {
            let mut empty = Vec::new();
            let mut deeper = None;
            for id in below(&at_root, &above, BELOW_AT_ONCE)? {
                match below(&at_root, &id, 1)?.is_empty() {
                    true => empty.push(id),
                    false => deeper = Some(id),
                }
            }
            match deeper {
                Some(id) if empty.is_empty() => above = id,
                _ => {
                    empty.iter().for_each(|id| forget(txn, &above, id));
                    return Ok(empty);
                }
            }
        }
        Err(Access::Broken("namespaces lie in each other in a circle".into()))
    }
}

/// How many one batch removes of those that lie in a sealed one.
const BELOW_AT_ONCE: usize = 64;

/// Those that lie right in a namespace, some of them. `read` is at the root's records.
fn below(read: &impl Read, above: &NamespaceId, limit: usize) -> Result<Vec<NamespaceId>, Access> {
    let keys = read.range(&below_folder(above), None, limit)?;
    let id = |key: &PathKey| match key.segs().last()? {
        Seg::Plain(bytes) => NamespaceId::parse(std::str::from_utf8(bytes).ok()?),
        Seg::Name(_) => None,
    };
    Ok(keys.iter().filter_map(id).collect())
}

/// Everything that lies below its id, and what the root has of it.
fn forget(txn: &mut Txn, above: &NamespaceId, id: &NamespaceId) {
    txn.elsewhere(space::namespace(id)).delete_folder(&PathKey::new());
    let mut at_root = txn.elsewhere(root());
    at_root.delete(&above_key(id));
    at_root.delete(&below_folder(above).plain(id.as_str()));
    at_root.delete(&made_in_key(id));
    at_root.delete(&folder().plain(id.as_str()));
    Namespaces::forget_open(&mut at_root, id);
    Namespaces::forget_service(&mut txn.elsewhere(space::records(above)), id);
}
