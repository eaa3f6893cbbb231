//! Making namespaces and changing what is known about them.

use std::collections::BTreeMap;

use barrier::{SealConfig, TenantKeys};
use sdk::{Namespace, NamespaceId};
use storage::{Access, Millis, Read, Txn};

use super::name::problem;
use super::seal::{open_key, turned_key};
use super::{
    DEPTH_MAX, NamespaceRecord, Namespaces, NewShares, NewTenant, TenantSeal, above_key, below_folder, made_in_key,
    name_key, record_key, root,
};
use crate::letters;
use crate::mount::{MountError, Mounts};
use crate::policies::Policies;
use crate::space;

#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The caller's fault.
    #[error("{0}")]
    Invalid(String),
    /// Nobody's.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Access(#[from] Access),
}

impl From<MountError> for Refused {
    fn from(error: MountError) -> Self {
        match error {
            MountError::Refused(text) => Self::Invalid(text),
            MountError::Access(access) => Self::Access(access),
        }
    }
}

pub struct NewNamespace<'a> {
    pub above: &'a Namespace,
    pub name: &'a str,
    pub custom_metadata: BTreeMap<String, String>,
    /// Of its own, if it is to have one.
    pub seal: Option<SealConfig>,
    /// What a key service has wrapped, if one opens it: it begins open.
    pub by_service: Option<&'a NewTenant>,
    pub now: Millis,
}

/// A namespace that was made.
pub struct Made {
    pub record: NamespaceRecord,
    /// Of its own seal.
    pub shares: Option<NewShares>,
}

/// Keys, values and pairs of metadata.
const METADATA_MAX: (usize, usize, usize) = (128, 512, 64);

impl Namespaces {
    /// The record of a name right below; also of one that is being removed. `txn` is at the records of the namespace above.
    pub fn get_for_update(&self, txn: &Txn, name: &str) -> Result<Option<NamespaceRecord>, Access> {
        match txn.get_for_update::<NamespaceId>(&name_key(name))? {
            Some(id) => txn.get_for_update(&record_key(&id)),
            None => Ok(None),
        }
    }

    pub fn get(&self, read: &impl Read, name: &str) -> Result<Option<NamespaceRecord>, Access> {
        match read.get::<NamespaceId>(&name_key(name))? {
            Some(id) => read.get(&record_key(&id)),
            None => Ok(None),
        }
    }

    /// Unless it is being removed.
    pub fn live(&self, read: &impl Read, name: &str) -> Result<Option<NamespaceRecord>, Access> {
        Ok(self.get(read, name)?.filter(|record| !record.doomed))
    }

    /// Why nothing can have that name.
    pub fn check_name(&self, name: &str) -> Result<(), Refused> {
        problem(name).map_or(Ok(()), |problem| Err(Refused::Invalid(problem)))
    }

    /// Makes a namespace that is not there. `txn` is at the records of the one above.
    pub fn create(
        &self,
        mounts: &Mounts,
        policies: &Policies,
        txn: &mut Txn,
        new: NewNamespace<'_>,
    ) -> Result<Made, Refused> {
        self.check_name(new.name)?;
        check_metadata(&new.custom_metadata)?;
        if new.above.path.matches('/').count() >= DEPTH_MAX {
            return Err(Refused::Invalid(format!("namespaces lie at most {DEPTH_MAX} deep in each other")));
        }
        mounts.reserve(txn, new.name)?;
        let id = match new.by_service {
            Some(made) => made.id.clone(),
            None => NamespaceId::new(&letters::random(8), &new.above.id, new.seal.is_some())
                .ok_or_else(|| Access::Broken("a new namespace has no id".into()))?,
        };
        let mut at_root = txn.elsewhere(root());
        if at_root.get_for_update::<NamespaceId>(&above_key(&id))?.is_some() {
            return Err(Access::Busy.into());
        }
        at_root.put(&above_key(&id), &new.above.id)?;
        at_root.put(&below_folder(&new.above.id).plain(id.as_str()), &true)?;
        at_root.put(&made_in_key(&new.above.id), &id)?;
        let shares = match new.seal {
            Some(config) => {
                let lost = |_| Access::Broken("a new namespace's keys are damaged".into());
                let keys = match new.by_service {
                    Some(made) => made.keys.again().map_err(lost)?,
                    None => TenantKeys::generate(new.now),
                };
                let (seal, shares) = TenantSeal::make(&id, &keys, config);
                self.put_seal(txn, &id, &seal)?;
                if let Some(made) = new.by_service {
                    self.put_service(txn, new.above, made)?;
                    let mut at_root = txn.elsewhere(root());
                    at_root.put(&open_key(&id), &true)?;
                    at_root.put(&turned_key(), &id)?;
                    // It begins open. Should its keys be gone before that is committed, its service is asked for them.
                    let again = made.keys.again().map_err(lost)?;
                    self.barrier.open_tenant(id.keyring(), again).map_err(|_| Access::Sealed)?;
                }
                // What it begins with is sealed with keys that this transaction has: it may be open nowhere yet.
                txn.reseal(|below| keys.over(id.keyring(), below));
                Some(shares)
            }
            None => None,
        };
        let record = NamespaceRecord {
            uuid: uuid::Uuid::from_bytes(crypto::random()).to_string(),
            name: new.name.to_owned(),
            custom_metadata: new.custom_metadata,
            locked: None,
            sealed: shares.is_some().then_some(new.by_service.is_none()),
            doomed: false,
            id,
        };
        txn.put(&name_key(new.name), &record.id)?;
        txn.put(&record_key(&record.id), &record)?;
        let mut inside = txn.elsewhere(space::records(&record.id));
        mounts.add_builtins(&mut inside)?;
        policies.add_builtins(&mut inside, new.now)?;
        Ok(Made { record, shares })
    }

    /// Writes what was changed of a record. `txn` is at the records of the namespace above.
    pub fn update(&self, txn: &mut Txn, record: &NamespaceRecord) -> Result<(), Refused> {
        check_metadata(&record.custom_metadata)?;
        Ok(txn.put(&record_key(&record.id), record)?)
    }

    /// Dooms a namespace: from then on it is not found, and the worker removes what it holds. `txn` is at the records of
    /// the namespace above. One that holds namespaces stays, unless it is sealed: then nobody can remove those first, and
    /// they go with it.
    pub fn doom(&self, txn: &mut Txn, above: &Namespace, mut record: NamespaceRecord) -> Result<(), Refused> {
        let at_root = txn.elsewhere(root());
        // One that is made in it meanwhile is not in the range that is seen here.
        at_root.get::<NamespaceId>(&made_in_key(&record.id))?;
        let inner = at_root.range(&below_folder(&record.id), None, 1)?;
        if !inner.is_empty() && !record.is_sealed() {
            let path = format!("{}{}/", above.path, record.name);
            return Err(Refused::Invalid(format!("cannot delete namespace {path:?} containing child namespaces")));
        }
        record.doomed = true;
        txn.put(&record_key(&record.id), &record)?;
        Ok(super::Doomed::note(txn, above, &record)?)
    }

    /// Dooms one that is not open, with all that lies in it. Where its record alone says that it is, nobody has its keys: then it is
    /// sealed from here on, and whoever is found to have them forgets them.
    pub fn doom_unseen(&self, txn: &mut Txn, above: &Namespace, record: NamespaceRecord) -> Result<(), Refused> {
        if !record.is_sealed() {
            self.set_sealed(txn, record.clone(), true)?;
        }
        self.doom(txn, above, NamespaceRecord { sealed: Some(true), ..record })
    }
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Refused> {
    let (key_max, value_max, most) = METADATA_MAX;
    if metadata.len() > most {
        return Err(Refused::Invalid(format!(
            "custom_metadata has at most {most} keys; {} were given",
            metadata.len()
        )));
    }
    for (key, value) in metadata {
        if key.is_empty() || key.len() > key_max {
            return Err(Refused::Invalid(format!("a key of custom_metadata has 1 to {key_max} bytes: {key:?}")));
        }
        if value.len() > value_max {
            return Err(Refused::Invalid(format!("a value of custom_metadata has at most {value_max} bytes: {key:?}")));
        }
        if key.chars().chain(value.chars()).any(char::is_control) {
            return Err(Refused::Invalid(format!("custom_metadata must not contain control characters: {key:?}")));
        }
    }
    Ok(())
}
