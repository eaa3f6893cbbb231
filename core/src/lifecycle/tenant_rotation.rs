//! New data keys for namespaces with seals of their own: when somebody asks, and before one was used too often.
//!
//! The active node counts what it encrypts and adds it up in the namespace's own records, some time after. So the stored number
//! may be below the true one by what a node did in its last minute, for each change of leaders; what the configuration of
//! rotations allows at most leaves room for more than a thousand of those.

use std::collections::BTreeMap;
use std::time::Duration;

use barrier::{InstallError, TermInfo};
use parking_lot::Mutex;
use sdk::NamespaceId;
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Term, Txn, View};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Node, RotationConfig, rotation_key, usage};
use crate::change::change_by;
use crate::namespace::{NamespaceRecord, Refused, stored_keyring};
use crate::replication::Role;
use crate::space;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(60);
/// So many encryptions are not written down yet.
const UNCOUNTED: u64 = 10_000;

/// In the records of the namespace.
fn used_key() -> PathKey {
    PathKey::kind("key-usage")
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Used {
    term: u32,
    encryptions: u64,
}

/// What this node's own counters said when they were added up, by keyring: the data key's term, and how often it was used. It holds
/// as long as the keys are here, whoever leads meanwhile.
#[derive(Default)]
pub(super) struct Counted(Mutex<BTreeMap<String, (u32, u64)>>);

impl Counted {
    pub fn forget(&self, keyring: &str) {
        self.0.lock().remove(keyring);
    }

    pub fn forget_all(&self) {
        self.0.lock().clear();
    }

    fn note(&self, keyring: &str, key: &TermInfo) {
        self.0.lock().insert(keyring.to_owned(), (key.term, key.encryptions));
    }

    /// How often a data key was used here and not added up yet.
    fn fresh(&self, keyring: &str, key: &TermInfo) -> u64 {
        let counted = self.0.lock().get(keyring).copied();
        let before = counted.filter(|(of, own)| *of == key.term && *own <= key.encryptions);
        key.encryptions - before.map_or(0, |(_, own)| own)
    }
}

impl Node {
    /// Adds a data key to the keyring of a namespace right below another one. `txn` is at the records of that above; the node
    /// goes over to it once it is committed ([`follow_tenant_keys`](Self::follow_tenant_keys)).
    pub fn rotate_tenant(&self, txn: &mut Txn, record: &NamespaceRecord) -> Result<(), Refused> {
        let seal = self.namespaces.seal_for_update(txn, record)?;
        let keyring = self.barrier.rotated_tenant(record.id.keyring(), &seal.keyring, self.replication.now());
        let keyring = keyring.map_err(|problem| match problem {
            InstallError::Sealed => Access::NamespaceSealed(record.id.keyring().to_owned()).into(),
            problem => Refused::Invalid(problem.to_string()),
        })?;
        Ok(self.namespaces.put_seal(txn, &record.id, &seal.with_keyring(keyring))?)
    }

    /// Goes over to the newest edition of a namespace's keyring.
    pub fn follow_tenant_keys(&self, id: &NamespaceId) -> Result<(), Access> {
        let view = self.local_view()?;
        let Some(stored) = stored_keyring(&view, id)? else { return Ok(()) };
        match self.barrier.install_tenant(id.keyring(), &stored) {
            Ok(_) | Err(InstallError::Sealed) => Ok(()),
            Err(problem) => Err(Access::Broken(format!("the keyring of a namespace: {problem}"))),
        }
    }

    /// Counts and rotates for as long as this node runs and is active.
    pub(super) async fn keep_tenant_keys(&self, mut stop: watch::Receiver<bool>) {
        while timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_err() {
            let Role::Active { term } = self.role() else { continue };
            if self.is_sealed() || self.is_secondary() {
                continue;
            }
            for (keyring, _) in self.barrier.open_tenants() {
                if let Err(problem) = self.look_after_tenant(&keyring, term, UNCOUNTED).await {
                    let namespace = NamespaceId::owner_of(&keyring).map(|id| self.path_of(&id));
                    tracing::warn!(namespace, problem, "the data key of a namespace could not be looked after");
                }
            }
        }
    }

    /// Adds up what was encrypted once it is `least`.
    pub(crate) async fn look_after_tenant(&self, keyring: &str, term: Term, least: u64) -> Result<(), String> {
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        let Some(id) = NamespaceId::owner_of(keyring) else { return Ok(()) };
        self.follow_tenant_keys(&id).map_err(|e| text(&e))?;
        let view = self.local_view().map_err(|e| text(&e))?;
        let Some(key) = self.barrier.tenant_key(keyring) else { return Ok(()) };
        let Some(rely_on) = self.namespaces.served(&view, &id).map_err(|e| text(&e))? else { return Ok(()) };
        let config = view.get::<RotationConfig>(&rotation_key()).map_err(|e| text(&e))?.unwrap_or_default();
        let stored = used(&view, &id, key.term).map_err(|e| text(&e))?;
        let fresh = self.tenants.counted.fresh(keyring, &key);
        let now = self.replication.now();
        if config.enabled && usage::is_due(&config, stored + fresh, key.installed, now) {
            let done = change_by(self, now, term, |state| {
                rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
                self.rotate_by_itself(state, &id)
            });
            done.await.map_err(|e| text(&e))?;
            tracing::info!(namespace = self.path_of(&id), "the data key of a namespace was rotated");
            return self.follow_tenant_keys(&id).map_err(|e| text(&e));
        }
        if stored + fresh > RotationConfig::MAX_OPERATIONS_MAX {
            let namespace = self.path_of(&id);
            tracing::error!(namespace, "the data key of a namespace was used too often; rotate it now");
        }
        if fresh < least {
            return Ok(());
        }
        let counted = Used { term: key.term, encryptions: stored + fresh };
        let done = change_by(self, now, term, |state| {
            rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
            state.at(space::records(&id)).put(&used_key(), &counted)
        });
        done.await.map_err(|e| text(&e))?;
        self.tenants.counted.note(keyring, &key);
        Ok(())
    }

    fn rotate_by_itself(&self, state: &mut storage::TxnState, id: &NamespaceId) -> Result<(), Refused> {
        let view = state.view(space::records(&NamespaceId::root()));
        let place = self.namespaces.by_id(&view, id, &mut Vec::new())?.filter(|place| place.namespace.id == *id);
        let Some((record, above)) = place.as_ref().and_then(|place| Some((place.record()?, place.above()?))) else {
            return Err(Refused::Unavailable("the namespace is gone".into()));
        };
        self.rotate_tenant(&mut state.at(space::records(&above)), record)
    }

    /// How often the data key of a namespace was used, as far as it is written down and by this node since.
    pub fn tenant_key_status(&self, id: &NamespaceId) -> Result<super::KeyStatus, Access> {
        let key =
            self.barrier.tenant_key(id.keyring()).ok_or_else(|| Access::NamespaceSealed(id.keyring().to_owned()))?;
        let stored = used(&self.local_view()?, id, key.term)?;
        let encryptions = stored + self.tenants.counted.fresh(id.keyring(), &key);
        Ok(super::KeyStatus { term: key.term, installed: key.installed, encryptions })
    }
}

fn used(view: &View, id: &NamespaceId, term: u32) -> Result<u64, Access> {
    let used = view.elsewhere(space::records(id)).get::<Used>(&used_key())?;
    Ok(used.filter(|used| used.term == term).map_or(0, |used| used.encryptions))
}
