//! Locking users out who got their credentials wrong too often.
//!
//! Failures are counted in the memory of the active node, for a bounded number of users; that somebody is locked out is
//! a record, which every later active node knows.

use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use sdk::NamespaceId;
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Txn};

use crate::due::{self, Due};
use crate::mount::{Mount, UserLockout};

/// Users whose failures are remembered.
const COUNTED: usize = 10_000;

impl UserLockout {
    /// What counts where nothing else was said.
    pub const USUAL: Self = Self { threshold: 5, duration: 900, counter_reset: 900, disable: false };

    /// What is said here, and elsewhere what `other` says.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let first = |own: u64, other: u64| if own == 0 { other } else { own };
        Self {
            threshold: first(self.threshold, other.threshold),
            duration: first(self.duration, other.duration),
            counter_reset: first(self.counter_reset, other.counter_reset),
            disable: self.disable || other.disable,
        }
    }
}

/// The server's settings: by auth method, and for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockoutDefaults {
    pub all: UserLockout,
    pub by_method: std::collections::BTreeMap<String, UserLockout>,
}

/// Methods whose users are locked out unless told otherwise: those with a secret that can be guessed.
const METHODS: [&str; 3] = ["userpass", "approle", "ldap"];

#[derive(Clone, Copy)]
struct Failures {
    count: u64,
    last: Millis,
    /// Known here before the record is committed: nobody slips through in between.
    locked_until: Option<Millis>,
}

impl Failures {
    fn is_locked_out(self, now: Millis) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }
}

/// What wrong credentials have led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Nothing yet, or nothing ever for this mount.
    Wrong,
    /// That was one too many: locked out until then, which is to be recorded.
    LockedOut(Millis),
    /// Locked out before.
    StillOut,
}

/// A user: of a namespace, of the mount with an accessor, by an alias.
type Who = (NamespaceId, String, String);

#[derive(Serialize, Deserialize)]
struct Locked {
    until: Millis,
}

pub struct Lockouts {
    defaults: LockoutDefaults,
    failures: Cache<Who, Failures>,
    /// Of two failures at once neither is lost.
    counting: Mutex<()>,
}

fn folder() -> PathKey {
    PathKey::kind("lockout")
}

fn key(mount: &str, alias: &str) -> PathKey {
    folder().plain(mount).name(alias)
}

impl Lockouts {
    pub fn new(defaults: LockoutDefaults) -> Self {
        Self { defaults, failures: Cache::new(COUNTED), counting: Mutex::default() }
    }

    pub fn forget(&self) {
        self.failures.clear();
    }

    /// What counts for a mount; `None` if its users are never locked out.
    fn rules(&self, mount: &Mount) -> Option<UserLockout> {
        let server = self.defaults.by_method.get(&mount.type_name).cloned().unwrap_or_default().or(&self.defaults.all);
        let rules = mount.config.user_lockout.clone().unwrap_or_default().or(&server).or(&UserLockout::USUAL);
        (METHODS.contains(&mount.type_name.as_str()) && !rules.disable).then_some(rules)
    }

    /// `read` is at the records of the namespace, as for all of these.
    pub(crate) fn is_locked(
        &self,
        read: &impl Read,
        ns: &NamespaceId,
        mount: &Mount,
        alias: &str,
        now: Millis,
    ) -> Result<bool, Access> {
        if self.rules(mount).is_none() {
            return Ok(false);
        }
        if self.failures.get(&who(ns, mount, alias)).is_some_and(|failures| failures.is_locked_out(now)) {
            return Ok(true);
        }
        Ok(read.get::<Locked>(&key(&mount.accessor, alias))?.is_some_and(|locked| now < locked.until))
    }

    pub(crate) fn failed(&self, ns: &NamespaceId, mount: &Mount, alias: &str, now: Millis) -> Counted {
        let Some(rules) = self.rules(mount) else { return Counted::Wrong };
        let who = who(ns, mount, alias);
        let _counting = self.counting.lock();
        let before = self.failures.get(&who);
        if before.is_some_and(|failures| failures.is_locked_out(now)) {
            return Counted::StillOut;
        }
        let counts =
            |f: &Failures| f.locked_until.is_none() && now < f.last.plus(Duration::from_secs(rules.counter_reset));
        let count = before.filter(counts).map_or(0, |f| f.count) + 1;
        let until = now.plus(Duration::from_secs(rules.duration));
        let locked_until = (count >= rules.threshold).then_some(until);
        self.failures.insert(who, Failures { count, last: now, locked_until });
        locked_until.map_or(Counted::Wrong, Counted::LockedOut)
    }

    /// Forgets a user's failures, as after an unlocking that was committed. `mount` is an accessor.
    pub fn forgive(&self, ns: &NamespaceId, mount: &str, alias: &str) {
        let _counting = self.counting.lock();
        self.failures.remove(&(ns.clone(), mount.to_owned(), alias.to_owned()));
    }

    pub(crate) fn succeeded(&self, ns: &NamespaceId, mount: &Mount, alias: &str, now: Millis) {
        let who = who(ns, mount, alias);
        let _counting = self.counting.lock();
        if self.failures.get(&who).is_some_and(|failures| !failures.is_locked_out(now)) {
            self.failures.remove(&who);
        }
    }
}

fn who(ns: &NamespaceId, mount: &Mount, alias: &str) -> Who {
    (ns.clone(), mount.accessor.clone(), alias.to_owned())
}

/// The users of one mount who are not let in.
pub struct LockedOut {
    /// The mount's accessor.
    pub mount: String,
    pub aliases: Vec<String>,
}

/// Who is not let in at present: `most` users at most, and whether there are more. Of one mount, or of all.
pub fn locked_out(
    read: &impl Read,
    mount: Option<&str>,
    now: Millis,
    most: usize,
) -> Result<(Vec<LockedOut>, bool), Access> {
    let mounts = match mount {
        Some(mount) => vec![mount.to_owned()],
        None => read.list(&folder())?.iter().map(|name| name.trim_end_matches('/').to_owned()).collect(),
    };
    let (mut found, mut left) = (Vec::new(), most);
    for mount in mounts {
        let mut names = read.page(&folder().plain(&mount), None, left + 1)?;
        let more = names.len() > left;
        names.truncate(left);
        left -= names.len();
        let mut aliases = Vec::new();
        for alias in names {
            if read.get::<Locked>(&key(&mount, &alias))?.is_some_and(|locked| now < locked.until) {
                aliases.push(alias);
            }
        }
        if !aliases.is_empty() {
            found.push(LockedOut { mount, aliases });
        }
        if more {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// Lets a user in again. Failures that only this node remembers are forgotten by [`Lockouts::forgive`].
pub fn unlock(txn: &mut Txn, ns: &NamespaceId, mount: &str, alias: &str) -> Result<(), Access> {
    if let Some(locked) = txn.get_for_update::<Locked>(&key(mount, alias))? {
        txn.delete(&key(mount, alias));
        due::unschedule(txn, ns, locked.until, &due(ns, mount, alias));
    }
    Ok(())
}

pub(crate) fn lock(txn: &mut Txn, ns: &NamespaceId, mount: &str, alias: &str, until: Millis) -> Result<(), Access> {
    txn.put(&key(mount, alias), &Locked { until })?;
    due::schedule(txn, ns, until, &due(ns, mount, alias))
}

fn due(ns: &NamespaceId, mount: &str, alias: &str) -> Due {
    Due::Lockout { namespace: ns.clone(), mount: mount.to_owned(), alias: alias.to_owned() }
}

pub(crate) fn expire(txn: &mut Txn, mount: &str, alias: &str, now: Millis) -> Result<(), Access> {
    // Locked again meanwhile: that has an entry of its own.
    if txn.get::<Locked>(&key(mount, alias))?.is_some_and(|locked| locked.until <= now) {
        txn.delete(&key(mount, alias));
    }
    Ok(())
}
