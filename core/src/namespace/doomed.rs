//! Namespaces that are being removed. They are found no more, so nothing of them counts; what they hold goes in steps.

use sdk::{Namespace, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Seg, Txn};

use super::{NamespaceRecord, Namespaces, above_key, below_folder, made_in_key, name_key, record_key, root};
use crate::mount::Mounts;
use crate::space;

/// What is needed to remove one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Doomed {
    pub id: NamespaceId,
    pub above: NamespaceId,
    /// From the root.
    pub path: String,
}

fn folder() -> PathKey {
    PathKey::kind("namespace-doomed")
}

impl Doomed {
    pub(super) fn note(txn: &mut Txn, above: &Namespace, record: &NamespaceRecord) -> Result<(), Access> {
        let path = format!("{}{}/", above.path, record.name);
        let doomed = Self { id: record.id.clone(), above: above.id.clone(), path };
        txn.elsewhere(root()).put(&folder().plain(doomed.id.as_str()), &doomed)
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
        txn.elsewhere(space::namespace(&self.id)).delete_folder(&PathKey::new());
        let mut above = txn.elsewhere(space::records(&self.above));
        if let Some(record) = above.get_for_update::<NamespaceRecord>(&record_key(&self.id))? {
            above.delete(&name_key(&record.name));
            mounts.release(&mut above, &record.name);
        }
        above.delete(&record_key(&self.id));
        Namespaces::forget_seal(&mut above, &self.id);
        let mut at_root: Txn = txn.elsewhere(root());
        at_root.delete(&above_key(&self.id));
        at_root.delete(&below_folder(&self.above).plain(self.id.as_str()));
        at_root.delete(&made_in_key(&self.id));
        at_root.delete(&folder().plain(self.id.as_str()));
        Ok(())
    }
}
