//! What is due when: one index in the order of time, which the [worker](crate::worker) follows.

use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Seg, Txn};

use crate::token::TokenKey;

/// What there is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Due {
    /// The token's time is up.
    Token(TokenKey),
    /// A user is let in again.
    Lockout { mount: String, alias: String },
    /// The policy's time is up.
    Policy(String),
    /// A built-in kind of mount has something to do: it is asked what, as [chores](crate::chores) are.
    Chore(String),
}

const TOKEN: &str = "token";

impl Due {
    fn key(&self, at: Millis) -> PathKey {
        let at = folder().number(at.0);
        match self {
            Self::Token(key) => at.plain(TOKEN).plain(key.as_str()),
            Self::Lockout { mount, alias } => at.plain("lockout").plain(mount).name(alias),
            Self::Policy(name) => at.plain("policy").name(name),
            Self::Chore(kind) => at.plain("chore").plain(kind),
        }
    }
}

fn folder() -> PathKey {
    PathKey::kind("due")
}

pub(crate) fn schedule(txn: &mut Txn, at: Millis, due: &Due) -> Result<(), Access> {
    txn.put(&due.key(at), due)
}

/// Has this namespace's mount of a built-in kind asked at `at` what is due. What it was woken for in vain costs little, so
/// nothing has to be taken back.
pub fn wake(txn: &mut Txn, at: Millis, kind: &str) -> Result<(), Access> {
    schedule(txn, at, &Due::Chore(kind.to_owned()))
}

pub(crate) fn unschedule(txn: &mut Txn, at: Millis, due: &Due) {
    txn.delete(&due.key(at));
}

/// The next entries behind `after`, in the order of time.
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
