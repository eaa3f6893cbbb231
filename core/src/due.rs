//! What is due when: an index in the order of time, which the [worker](crate::worker) follows. There is one for each keyring,
//! at the records of the namespace that brought it ([`space::schedule`]).

use sdk::NamespaceId;
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Seg, Txn};

use crate::space;
use crate::token::TokenKey;

/// What there is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Due {
    /// The token's time is up.
    Token(TokenKey),
    /// A user is let in again.
    Lockout { namespace: NamespaceId, mount: String, alias: String },
    /// Nobody has brought the second factor of a login.
    MfaLogin { namespace: NamespaceId, entity: String, id: String },
    /// The policy's time is up.
    Policy { namespace: NamespaceId, name: String },
    /// A built-in kind of mount has something to do: it is asked what, as [chores](crate::chores) are.
    Chore { namespace: NamespaceId, kind: String },
}

const TOKEN: &str = "token";

impl Due {
    fn key(&self, at: Millis) -> PathKey {
        let at = folder().number(at.0);
        match self {
            Self::Token(key) => at.plain(TOKEN).plain(key.as_str()),
            Self::Lockout { namespace, mount, alias } => {
                at.plain("lockout").plain(namespace.as_str()).plain(mount).name(alias)
            }
            Self::MfaLogin { namespace, id, .. } => at.plain("mfa-login").plain(namespace.as_str()).name(id),
            Self::Policy { namespace, name } => at.plain("policy").plain(namespace.as_str()).name(name),
            Self::Chore { namespace, kind } => at.plain("chore").plain(namespace.as_str()).plain(kind),
        }
    }
}

fn folder() -> PathKey {
    PathKey::kind("due")
}

/// In the order of the namespace's keyring. `txn` is anywhere.
pub(crate) fn schedule(txn: &mut Txn, ns: &NamespaceId, at: Millis, due: &Due) -> Result<(), Access> {
    txn.elsewhere(space::schedule(ns)).put(&due.key(at), due)
}

/// Has this namespace's mount of a built-in kind asked at `at` what is due. What it was woken for in vain costs little, so
/// nothing has to be taken back.
pub fn wake(txn: &mut Txn, namespace: &NamespaceId, at: Millis, kind: &str) -> Result<(), Access> {
    schedule(txn, namespace, at, &Due::Chore { namespace: namespace.clone(), kind: kind.to_owned() })
}

pub(crate) fn unschedule(txn: &mut Txn, ns: &NamespaceId, at: Millis, due: &Due) {
    txn.elsewhere(space::schedule(ns)).delete(&due.key(at));
}

/// The next entries behind `after`, in the order of time. `read` is where the order lies.
pub(crate) fn next(read: &impl Read, after: Option<&PathKey>, limit: usize) -> Result<Vec<(Millis, PathKey)>, Access> {
    let keys = read.range(&folder(), after, limit)?;
    Ok(keys.into_iter().filter_map(|key| Some((time_of(&key)?, key))).collect())
}

/// Whether it is a token's end: of each lease there is one.
pub(crate) fn is_lease(key: &PathKey) -> bool {
    matches!(key.segs().get(2), Some(Seg::Plain(kind)) if kind.as_slice() == TOKEN.as_bytes())
}

fn time_of(key: &PathKey) -> Option<Millis> {
    match key.segs().get(1)? {
        Seg::Plain(bytes) => Some(Millis(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))),
        Seg::Name(_) => None,
    }
}
