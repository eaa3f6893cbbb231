//! Namespaces: a tree of them, each with mounts, policies, tokens and identities of its own.
//!
//! ```text
//! in the records of the namespace above:
//! namespace / id            the record
//! namespace-name / name     name -> id
//!
//! in the root's records:
//! namespace-above / id      id -> that of the namespace above
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
mod tree;

pub use create::{NewNamespace, Refused};
pub(crate) use doomed::Doomed;
pub(crate) use lock::UNLOCK;
pub use record::NamespaceRecord;
pub use tree::{Address, Place};

use sdk::NamespaceId;
use storage::{Path, PathKey};

use crate::cache::RecordCache;
use crate::space;

/// How deep namespaces may lie in each other: each level costs every request below it two lookups.
pub const DEPTH_MAX: usize = 16;

/// Finds namespaces.
pub struct Namespaces {
    ids: RecordCache<NamespaceId>,
    records: RecordCache<NamespaceRecord>,
    above: RecordCache<NamespaceId>,
}

impl Default for Namespaces {
    fn default() -> Self {
        const KEPT: usize = 10_000;
        Self { ids: RecordCache::new(KEPT), records: RecordCache::new(KEPT), above: RecordCache::new(KEPT) }
    }
}

impl Namespaces {
    pub fn forget(&self) {
        self.ids.clear();
        self.records.clear();
        self.above.clear();
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

fn above_key(id: &NamespaceId) -> PathKey {
    PathKey::kind("namespace-above").plain(id.as_str())
}

fn root() -> Path {
    space::records(&NamespaceId::root())
}
