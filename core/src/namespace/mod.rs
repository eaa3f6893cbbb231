//! Namespaces: a tree of them, each with mounts, policies, tokens and identities of its own.
//!
//! ```text
//! in the records of the namespace above:
//! namespace / id            the record
//! namespace-name / name     name -> id
//! namespace-seal / id       how its root key is wrapped, if it has a seal of its own, and its keyring
//! namespace-seal-service / id  the key service that opens it too, and its wrap
//!
//! in the root's records:
//! namespace-above / id      id -> that of the namespace above
//! namespace-below / id / id which lie right in which
//! namespace-made-in / id    which was made in it last: what removes it relies on that
//! namespace-open / id       has a seal of its own, and is open
//! namespace-turned          which was opened or sealed last
//! namespace-serviced / id   has a key service
//! namespace-doomed / id     to be removed, step by step: by the worker
//! ```
//!
//! Everything that belongs to a namespace lies below its id (`space`). A request relies on the records of its namespace and of
//! those above, so none that was begun before a namespace is doomed or locked commits afterwards. Names never change and
//! ids are never used again: what was learned of an id stays true for as long as its record is there.

mod create;
mod doomed;
mod lock;
mod name;
mod record;
mod seal;
mod service;
#[cfg(test)]
mod tests;
mod tree;

pub use create::{Made, NewNamespace, Refused};
pub(crate) use doomed::Doomed;
pub(crate) use lock::UNLOCK;
pub use record::NamespaceRecord;
#[cfg(test)]
pub(crate) use seal::under_test_seal;
pub use seal::{NewShares, TenantSeal};
pub(crate) use seal::{above, combined, stored_keyring};
pub(crate) use service::NoKeyServices;
pub use service::{KeyService, KeyServices, NewService, NewTenant, OwnTransit, TenantService};
pub use tree::{Address, Place};

use std::sync::Arc;

use barrier::Barrier;
use sdk::{Forget, NamespaceId};
use storage::{Path, PathKey};

use crate::cache::RecordCache;
use crate::space;

/// How deep namespaces may lie in each other: each level costs every request below it some lookups.
pub const DEPTH_MAX: usize = 16;

/// Finds namespaces.
pub struct Namespaces {
    barrier: Arc<Barrier>,
    ids: RecordCache<NamespaceId>,
    records: RecordCache<NamespaceRecord>,
    above: RecordCache<NamespaceId>,
}

/// Records in the clear.
const KEPT: usize = 10_000;

impl Namespaces {
    pub fn new(barrier: Arc<Barrier>) -> Self {
        let (ids, above) = (RecordCache::new(KEPT), RecordCache::new(KEPT));
        Self { barrier, ids, records: RecordCache::new(KEPT), above }
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.ids.forget(which);
        self.records.forget(which);
        self.above.forget(which);
    }
}

fn folder() -> PathKey {
    PathKey::kind("namespace")
}

fn record_key(id: &NamespaceId) -> PathKey {
    folder().plain(id.as_str())
}

fn names() -> PathKey {
    PathKey::kind("namespace-name")
}

pub(crate) fn name_key(name: &str) -> PathKey {
    names().name(name)
}

fn above_folder() -> PathKey {
    PathKey::kind("namespace-above")
}

fn above_key(id: &NamespaceId) -> PathKey {
    above_folder().plain(id.as_str())
}

fn below_folder(above: &NamespaceId) -> PathKey {
    PathKey::kind("namespace-below").plain(above.as_str())
}

fn made_in_key(above: &NamespaceId) -> PathKey {
    PathKey::kind("namespace-made-in").plain(above.as_str())
}

fn root() -> Path {
    space::records(&NamespaceId::root())
}
