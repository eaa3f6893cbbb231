//! Where records are: the folders of the replicated state, and the few keys outside the barrier.
//!
//! ```text
//! R / namespace / "core"                 mounts, policies, tokens, leases: this crate's records
//! R / namespace / "mount" / uuid         what a plugin stores
//! R / namespace / "cubbyhole" / token    what a token keeps for itself, "in" / namespace where that is not its own
//! R / "" / "keyring"                     the data keys, sealed under the root key
//! L / "seal" / "backup"                  new shares, encrypted to their holders
//! L / "seal" / "config", "wraps"         how the root key is wrapped in this cluster
//! L / "seal" / "join"                    the join key of this cluster's shares, sealed under the root key
//! L / "autopilot"                        what is set about the members of this cluster
//! L / "dr" / "root"                      the root key of the cluster that this one is a copy of, under its own of before
//! L / "dr" / …                           what a secondary's operators have made: an operation token, a key for activation tokens
//! L / "recovery"                        which recovery of this cluster was told of
//! ```

use sdk::NamespaceId;
use storage::{Class, Path, PathKey, RawKey};

/// Everything that belongs to a namespace but its own record.
pub fn namespace(ns: &NamespaceId) -> Path {
    Path::root(Class::Replicated).join(&PathKey::new().plain(ns.as_str()))
}

pub fn records(ns: &NamespaceId) -> Path {
    namespace(ns).join(&PathKey::new().plain("core"))
}

/// Where the order of what is due lies: one for each keyring, so that what is sealed does not stand before the rest.
pub fn schedule(ns: &NamespaceId) -> Path {
    records(&ns.keyring_owner())
}

pub fn mount(ns: &NamespaceId, uuid: &str) -> Path {
    namespace(ns).join(&PathKey::new().plain("mount").plain(uuid))
}

/// What the tokens of a namespace keep for themselves.
pub fn cubbyholes(ns: &NamespaceId) -> Path {
    namespace(ns).join(&PathKey::new().plain("cubbyhole"))
}

/// What one token keeps for itself in a namespace: its home, or another one. All of it lies where the token does.
pub fn cubbyhole(home: &NamespaceId, token: &str, ns: &NamespaceId) -> Path {
    let own = cubbyholes(home).join(&PathKey::new().plain(token));
    if ns == home { own } else { own.join(&PathKey::kind("in").plain(ns.as_str())) }
}

/// An entry of a cubbyhole, relative to it.
pub fn cubbyhole_entry(path: &str) -> PathKey {
    PathKey::kind("c").names(path)
}

pub fn keyring() -> RawKey {
    RawKey::root(Class::Replicated).plain("").plain("keyring")
}

/// The folder of how this cluster's root key is wrapped.
pub fn seal() -> RawKey {
    RawKey::root(Class::Local).plain("seal")
}

pub fn seal_config() -> RawKey {
    RawKey::root(Class::Local).plain("seal").plain("config")
}

/// Outside the barrier, like the wraps: it goes with them.
pub fn seal_join() -> RawKey {
    RawKey::root(Class::Local).plain("seal").plain("join")
}

pub fn autopilot() -> Path {
    Path::root(Class::Local).join(&PathKey::new().plain("autopilot"))
}

/// What belongs to the shares and is sealed all the same.
pub fn seal_records() -> Path {
    Path::root(Class::Local).join(&PathKey::new().plain("seal"))
}

/// What belongs to this cluster as the secondary of another.
pub fn dr() -> Path {
    Path::root(Class::Local).join(&PathKey::new().plain("dr"))
}

pub fn autopilot_folder() -> RawKey {
    RawKey::root(Class::Local).plain("autopilot")
}

pub fn recovery_folder() -> RawKey {
    RawKey::root(Class::Local).plain("recovery")
}

/// The folder of [`dr`].
pub fn dr_folder() -> RawKey {
    RawKey::root(Class::Local).plain("dr")
}

/// Outside the barrier: whoever holds the root key of before goes over by it.
pub fn dr_root() -> RawKey {
    dr_folder().plain("root")
}

/// What the cluster has said of its recoveries.
pub fn recovery() -> Path {
    Path::root(Class::Local).join(&PathKey::new().plain("recovery"))
}

/// The last new shares, encrypted to their holders. In [`seal_records`].
pub fn rekey_backup() -> PathKey {
    PathKey::kind("backup")
}

pub fn seal_wraps() -> RawKey {
    RawKey::root(Class::Local).plain("seal").plain("wraps")
}
