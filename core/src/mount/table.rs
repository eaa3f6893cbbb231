//! Finding, adding, changing and removing mounts.

use std::collections::BTreeMap;
use std::time::Duration;

use sdk::{Forget, MountInfo, NamespaceId};
use storage::{Access, PathKey, Read, Txn, View};

use super::record::is_builtin;
use super::{Mount, Move, Table, moves, nested};
use crate::cache::{Found, RecordCache};
use crate::space;

/// How deep a mount's path may be, in segments: what routing may have to try.
const DEPTH_MAX: usize = 16;

/// Paths that the API keeps for itself.
const RESERVED: [&str; 5] = ["sys/", "identity/", "cubbyhole/", "auth/", "audit/"];

/// The server's own limits, which mounts that set none take.
#[derive(Clone, Copy, Debug)]
pub struct TtlLimits {
    pub default: Duration,
    pub max: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The caller's fault.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Access(#[from] Access),
}

fn refused<T>(text: String) -> Result<T, MountError> {
    Err(MountError::Refused(text))
}

fn folder(table: Table) -> PathKey {
    PathKey::kind("mount").plain(table.name())
}

fn key(table: Table, path: &str) -> PathKey {
    folder(table).name(path)
}

fn reserved_key(name: &str) -> PathKey {
    PathKey::kind("mount-reserved").name(name)
}

/// Where an auth mount is, by its accessor. Tokens that it gave count while this is there.
pub(crate) fn origin_key(accessor: &str) -> PathKey {
    PathKey::kind("auth-mount").plain(accessor)
}

pub struct Mounts {
    cache: RecordCache<Mount>,
    limits: TtlLimits,
}

impl Mounts {
    pub fn new(limits: TtlLimits) -> Self {
        Self { cache: RecordCache::new(10_000), limits }
    }

    pub fn limits(&self) -> TtlLimits {
        self.limits
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.cache.forget(which);
    }

    /// The mount that a request's path lies in. `view` is at the namespace's records.
    pub fn route(&self, view: &View, path: &str) -> Result<Option<Found<Mount>>, Access> {
        let (table, rest) = Table::of(path);
        for (end, _) in rest.match_indices('/').take(DEPTH_MAX) {
            if let Some(found) = self.cache.read(view, &key(table, &rest[..=end]))? {
                return Ok(Some(found));
            }
        }
        // `GET /v1/kv` means the mount `kv/` itself.
        if !rest.is_empty() && !rest.ends_with('/') {
            return self.cache.read(view, &key(table, &format!("{rest}/")));
        }
        Ok(None)
    }

    /// What a plugin is told of its mount.
    pub fn info(&self, mount: &Mount) -> MountInfo {
        let or = |seconds: u64, fallback: Duration| {
            if seconds == 0 { fallback } else { Duration::from_secs(seconds) }
        };
        MountInfo {
            path: mount.full_path(),
            kind: mount.type_name.clone(),
            accessor: mount.accessor.clone(),
            uuid: mount.uuid.clone(),
            options: mount.options.clone().unwrap_or_default(),
            default_lease_ttl: or(mount.config.default_lease_ttl, self.limits.default),
            max_lease_ttl: or(mount.config.max_lease_ttl, self.limits.max),
        }
    }

    pub fn get(&self, read: &impl Read, table: Table, path: &str) -> Result<Option<Mount>, Access> {
        read.get(&key(table, &canonical(path)))
    }

    /// The auth mount with this accessor.
    pub fn by_accessor(&self, read: &impl Read, accessor: &str) -> Result<Option<Mount>, Access> {
        match read.get::<String>(&origin_key(accessor))? {
            Some(path) => self.get(read, Table::Auth, &path),
            None => Ok(None),
        }
    }

    pub fn list(&self, read: &impl Read, table: Table) -> Result<BTreeMap<String, Mount>, Access> {
        let mut mounts = BTreeMap::new();
        for path in read.list(&folder(table))? {
            if let Some(mount) = read.get(&key(table, &path))? {
                mounts.insert(path, mount);
            }
        }
        Ok(mounts)
    }

    /// Some mounts, in no order that means anything, behind the one whose key is `after`.
    pub fn page(
        &self,
        read: &impl Read,
        table: Table,
        after: Option<&PathKey>,
        limit: usize,
    ) -> Result<Vec<(PathKey, Mount)>, Access> {
        let mut mounts = Vec::new();
        for key in read.range(&folder(table), after, limit)? {
            if let Some(mount) = read.get(&key)? {
                mounts.push((key, mount));
            }
        }
        Ok(mounts)
    }

    /// Adds a mount whose type and options were already checked.
    pub fn add(&self, txn: &mut Txn, mut mount: Mount) -> Result<(), MountError> {
        mount.path = canonical(&mount.path);
        if is_builtin(mount.table, &mount.type_name) {
            return refused(format!("mount type of {:?} is not mountable", mount.type_name));
        }
        change_table(txn, mount.table)?;
        self.check_path(txn, mount.table, &mount.path, None)?;
        self.check_ttls(&mount)?;
        Ok(place(txn, &mount)?)
    }

    /// Adds the mounts that every namespace has, when it is made.
    pub fn add_builtins(&self, txn: &mut Txn) -> Result<(), Access> {
        Mount::builtins().iter().try_for_each(|mount| txn.put(&key(mount.table, &mount.path), mount))
    }

    /// Keeps a first segment for something else: no mount can be there, or below.
    pub fn reserve(&self, txn: &mut Txn, name: &str) -> Result<(), MountError> {
        change_table(txn, Table::Secret)?;
        self.check_path(txn, Table::Secret, &format!("{name}/"), None)?;
        Ok(txn.put(&reserved_key(name), &true)?)
    }

    pub fn release(&self, txn: &mut Txn, name: &str) {
        txn.delete(&reserved_key(name));
    }

    /// Changes a mount in place.
    pub fn update(&self, txn: &mut Txn, mount: &Mount) -> Result<(), MountError> {
        self.check_ttls(mount)?;
        txn.latch(&key(mount.table, &mount.path))?;
        txn.put(&key(mount.table, &mount.path), mount)?;
        Ok(())
    }

    /// Removes a mount and what it stored. Nothing to remove is no mistake.
    pub fn remove(&self, txn: &mut Txn, ns: &NamespaceId, table: Table, path: &str) -> Result<(), MountError> {
        let path = canonical(path);
        if table == Table::Secret && RESERVED.contains(&path.as_str()) || table == Table::Auth && path == "token/" {
            return refused(format!("cannot unmount {path:?}"));
        }
        let Some(mount) = txn.get_for_update::<Mount>(&key(table, &path))? else { return Ok(()) };
        change_table(txn, table)?;
        displace(txn, table, &path);
        txn.delete(&origin_key(&mount.accessor));
        txn.elsewhere(space::mount(ns, &mount.uuid)).delete_folder(&PathKey::new());
        Ok(())
    }

    /// Gives a mount another path in its table, and answers the move's id. What it stored stays where it is, and so do
    /// its tokens and leases.
    pub fn rename(&self, txn: &mut Txn, from: &str, to: &str) -> Result<String, MountError> {
        let (from, to) = (canonical(from), canonical(to));
        let ((table, source), (other, target)) = (Table::of(&from), Table::of(&to));
        if table == Table::Secret && RESERVED.iter().any(|r| from.starts_with(r)) || from == "auth/token/" {
            return refused(format!("cannot remount {from:?}"));
        }
        if table != other {
            return refused(format!(
                "cannot remount {from:?} to {to:?}: an auth mount stays below auth/, others out of it"
            ));
        }
        let Some(mut mount) = txn.get_for_update::<Mount>(&key(table, source))? else {
            return refused(format!("no matching mount at {from:?}"));
        };
        change_table(txn, table)?;
        displace(txn, table, source);
        self.check_path(txn, table, target, Some(source))?;
        mount.path = target.to_owned();
        place(txn, &mount)?;
        Ok(moves::note(txn, from, to)?)
    }

    /// A move among the latest.
    pub fn moved(&self, read: &impl Read, id: &str) -> Result<Option<Move>, Access> {
        moves::find(read, id)
    }

    /// Refuses paths that lie in another mount, hold one, or are the API's own. The mount that moves there does not count.
    fn check_path(&self, txn: &Txn, table: Table, path: &str, moving: Option<&str>) -> Result<(), MountError> {
        let segments = path.trim_end_matches('/').split('/');
        if segments.clone().count() > DEPTH_MAX {
            return refused(format!("a mount path may have at most {DEPTH_MAX} segments"));
        }
        if segments.clone().any(|s| s.is_empty() || s == "." || s == ".." || s.chars().any(char::is_control)) {
            return refused(format!("{path:?} is no path to mount at: segments must not be empty, \".\" or \"..\""));
        }
        if table == Table::Secret && RESERVED.iter().any(|r| path.starts_with(r)) {
            return refused(format!("cannot mount {path:?}"));
        }
        if table == Table::Secret
            && let Some(first) = segments.clone().next()
            && txn.get::<bool>(&reserved_key(first))?.is_some()
        {
            return refused(format!("path is already in use by the namespace {first}/"));
        }
        for taken in nested::folders(path).chain([path]) {
            if txn.get::<Mount>(&key(table, taken))?.is_some() {
                return refused(format!("path is already in use at {taken}"));
            }
        }
        match nested::one_below(txn, table, path, moving)? {
            Some(taken) => refused(format!("path is already in use at {taken}")),
            None => Ok(()),
        }
    }

    fn check_ttls(&self, mount: &Mount) -> Result<(), MountError> {
        let (default, max) = (mount.config.default_lease_ttl, mount.config.max_lease_ttl);
        if max > 0 && default > max {
            return refused("given default lease TTL greater than given max lease TTL".into());
        }
        let limit = self.limits.max.as_secs();
        if max == 0 && default > limit {
            return refused(format!("given default lease TTL greater than system max lease TTL of {limit}"));
        }
        Ok(())
    }
}

/// Puts a mount where its path says.
fn place(txn: &mut Txn, mount: &Mount) -> Result<(), Access> {
    txn.put(&key(mount.table, &mount.path), mount)?;
    nested::note(txn, mount.table, &mount.path)?;
    if mount.table == Table::Auth { txn.put(&origin_key(&mount.accessor), &mount.path) } else { Ok(()) }
}

/// Takes a mount from its path; what it stored stays.
fn displace(txn: &mut Txn, table: Table, path: &str) {
    txn.delete(&key(table, path));
    nested::forget(txn, table, path);
}

/// Who adds, moves or removes a mount has looked at the others: of two that do so at once, one looks again.
fn change_table(txn: &mut Txn, table: Table) -> Result<(), Access> {
    let key = PathKey::kind("mounts-changed").plain(table.name());
    let changes = txn.get_for_update::<u64>(&key)?.unwrap_or(0);
    txn.put(&key, &(changes + 1))
}

fn canonical(path: &str) -> String {
    let path = path.trim_start_matches('/');
    if path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}
