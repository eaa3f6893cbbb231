//! A key service that opens a namespace with a seal of its own, beside its shares. What it is asked with lies in the records of
//! the namespace above, sealed with that one's keys, and is shown to nobody.

use std::sync::Arc;

use barrier::{Seal, SealKind, TenantKeys, TenantWrap};
use sdk::{Namespace, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Revision, Seg, Txn, View};

use super::{NamespaceRecord, Namespaces, Refused, root};

/// Of a cluster. Each costs the active node a look now and then, and a token that it keeps alive.
pub(crate) const SERVICED_MAX: usize = 1_024;
/// Of those that lie in one namespace right in the root, however deep.
const SERVICED_IN_ONE: usize = 64;

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

/// Another way to the key of a namespace's service.
pub struct NewService {
    /// It was seen to open this.
    pub(crate) before: TenantWrap,
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
        let outermost = above.path.split('/').next().unwrap_or_default();
        let mut at_root = txn.elsewhere(root());
        let all = at_root.range(&serviced_folder(), None, SERVICED_MAX)?;
        if all.len() >= SERVICED_MAX {
            let text = format!("at most {SERVICED_MAX} namespaces of a cluster have a key service");
            return Err(Refused::Invalid(text));
        }
        if !above.is_root() {
            // Two at once may be one too many: nobody is kept waiting for that.
            let (view, mut within) = (at_root.as_view(), 0);
            for key in &all {
                within += usize::from(view.get::<String>(key)?.as_deref() == Some(outermost));
            }
            if within >= SERVICED_IN_ONE {
                let text = format!("at most {SERVICED_IN_ONE} namespaces in {outermost:?} have a key service");
                return Err(Refused::Invalid(text));
            }
        }
        Ok(at_root.put(&serviced_key(&new.id), outermost)?)
    }

    /// Takes another way to the key of a namespace's service. `txn` is at the records of the one above.
    pub fn replace_service(&self, txn: &mut Txn, record: &NamespaceRecord, new: &NewService) -> Result<(), Refused> {
        let now = txn.get_for_update::<TenantService>(&service_key(&record.id))?;
        if now.is_none_or(|now| now.wrap != new.before) {
            let text = "the namespace's key service was changed meanwhile; try again";
            return Err(Refused::Unavailable(text.into()));
        }
        Ok(txn.put(&service_key(&record.id), &new.service)?)
    }

    /// When what is known of a service was written. `view` is anywhere.
    pub(crate) fn service_at(
        &self,
        view: &View,
        above: &NamespaceId,
        id: &NamespaceId,
    ) -> Result<Option<Revision>, Access> {
        view.elsewhere(crate::space::records(above)).revision(&service_key(id))
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
