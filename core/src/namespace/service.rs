//! A key service that opens a namespace with a seal of its own, beside its shares. What it is asked with lies in the records of
//! the namespace above, sealed with that one's keys, and is shown to nobody.

use std::sync::Arc;

use barrier::{Seal, SealKind, TenantKeys, TenantWrap};
use sdk::{Namespace, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Seg, Txn};

use super::{NamespaceRecord, Namespaces, Refused, root};

/// Of a cluster. Each costs the active node a look now and then, and a token that it keeps alive.
pub(crate) const SERVICED_MAX: usize = 1_024;

/// Who wraps a namespace's root key. No Debug: it may hold a token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyService {
    /// A seal of the server's configuration that is offered to namespaces.
    Offered {
        kind: SealKind,
        name: String,
    },
    Transit(OwnTransit),
}

/// A transit engine that the namespace alone knows.
#[derive(Clone, Serialize, Deserialize)]
pub struct OwnTransit {
    pub address: String,
    pub token: String,
    pub key_name: String,
    pub mount_path: String,
    pub namespace: Option<String>,
}

impl KeyService {
    pub fn kind(&self) -> SealKind {
        match self {
            Self::Offered { kind, .. } => *kind,
            Self::Transit(_) => SealKind::Transit,
        }
    }

    /// Whether it is nobody else's to keep its token alive.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Transit(_))
    }
}

/// Makes seals of what namespaces say. Filled in by the server, which knows its configuration and HTTP.
pub trait KeyServices: Send + Sync {
    /// The error says why not: it is not offered, or its address is none that a namespace may have this server ask. `by_root` is
    /// said of namespaces right in the root.
    fn seal(&self, by_root: bool, service: &KeyService) -> Result<Arc<dyn Seal>, String>;
}

/// Where none is offered.
pub(crate) struct NoKeyServices;

impl KeyServices for NoKeyServices {
    fn seal(&self, _: bool, _: &KeyService) -> Result<Arc<dyn Seal>, String> {
        Err("this server asks no key service for namespaces".into())
    }
}

/// As it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct TenantService {
    pub service: KeyService,
    pub(crate) wrap: TenantWrap,
}

/// A namespace that is to be made, with keys that a service has wrapped.
pub struct NewTenant {
    pub(crate) above: NamespaceId,
    pub(crate) id: NamespaceId,
    pub(crate) keys: TenantKeys,
    pub(crate) service: TenantService,
}

fn service_key(id: &NamespaceId) -> PathKey {
    PathKey::kind("namespace-seal-service").plain(id.as_str())
}

fn serviced_folder() -> PathKey {
    PathKey::kind("namespace-serviced")
}

fn serviced_key(id: &NamespaceId) -> PathKey {
    serviced_folder().plain(id.as_str())
}

impl Namespaces {
    /// Of a namespace that has one. `read` is at the records of the one above.
    pub fn service_of(&self, read: &impl Read, record: &NamespaceRecord) -> Result<Option<TenantService>, Access> {
        if record.is_sealable() { read.get(&service_key(&record.id)) } else { Ok(None) }
    }

    pub(super) fn put_service(&self, txn: &mut Txn, above: &Namespace, new: &NewTenant) -> Result<(), Refused> {
        if new.above != above.id {
            return Err(Refused::Invalid(
                "the namespace that it was to lie in is another one by now; try again".into(),
            ));
        }
        txn.put(&service_key(&new.id), &new.service)?;
        let mut at_root = txn.elsewhere(root());
        if at_root.range(&serviced_folder(), None, SERVICED_MAX)?.len() >= SERVICED_MAX {
            let text = format!("at most {SERVICED_MAX} namespaces of a cluster have a key service");
            return Err(Refused::Invalid(text));
        }
        Ok(at_root.put(&serviced_key(&new.id), &true)?)
    }

    /// All that have one. `read` is at the root's records.
    pub(crate) fn serviced(&self, read: &impl Read) -> Result<Vec<NamespaceId>, Access> {
        let keys = read.range(&serviced_folder(), None, SERVICED_MAX)?;
        let id = |key: &PathKey| match key.segs().last()? {
            Seg::Plain(bytes) => NamespaceId::parse(std::str::from_utf8(bytes).ok()?),
            Seg::Name(_) => None,
        };
        Ok(keys.iter().filter_map(id).collect())
    }

    pub(super) fn forget_service(txn: &mut Txn, id: &NamespaceId) {
        txn.delete(&service_key(id));
        txn.elsewhere(root()).delete(&serviced_key(id));
    }
}
