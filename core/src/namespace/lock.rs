//! Locking the API of a namespace, and of those in it, until somebody brings the key.

use storage::{Access, Txn};

use super::{NamespaceRecord, Namespaces, Refused, record_key};
use crate::letters;

/// What is served in a locked namespace: the way out.
pub(crate) const UNLOCK: &str = "sys/namespaces/api-lock/unlock";

impl Namespaces {
    /// Locks it, and answers the key. `txn` is at the records of the namespace above.
    pub fn lock(&self, txn: &mut Txn, path: &str, mut record: NamespaceRecord) -> Result<String, Refused> {
        if record.is_locked() {
            return Err(Refused::Invalid(format!("cannot lock namespace {path:?}: is already locked")));
        }
        let key = letters::random(24);
        record.locked = Some(hash(&key));
        txn.put(&record_key(&record.id), &record)?;
        Ok(key)
    }

    /// `key` is what the locking has answered; whoever has sudo needs none.
    pub fn unlock(
        &self,
        txn: &mut Txn,
        path: &str,
        key: Option<&str>,
        mut record: NamespaceRecord,
    ) -> Result<(), Refused> {
        let Some(locked) = record.locked.take() else {
            return Err(Refused::Invalid(format!("namespace {path:?} is not locked")));
        };
        if key.is_some_and(|key| !crypto::ct_eq(hash(key).as_bytes(), locked.as_bytes())) {
            return Err(Refused::Invalid("incorrect unlock key".into()));
        }
        Ok(txn.put(&record_key(&record.id), &record)?)
    }

    /// A record by its id. `txn` is at the records of the namespace above.
    pub fn record_for_update(&self, txn: &Txn, id: &sdk::NamespaceId) -> Result<Option<NamespaceRecord>, Access> {
        txn.get_for_update(&record_key(id))
    }
}

fn hash(key: &str) -> String {
    hex::encode(crypto::sha256(key.as_bytes()))
}
