//! What happens when its time comes, by itself: keys rotate, public halves and codes are forgotten. One index in the order of time.
//!
//! ```text
//! oidc / due / time / "key" / name, "code" / hash
//! ```

use sdk::{Chore, Failure, Finish, Key, Millis, Read, Result, Seg, Txn, View};
use serde::{Deserialize, Serialize};

use crate::code::code_at;
use crate::{Made, NamedKey, folder};

/// Codes that one batch forgets.
const PAGE: usize = 256;
const CODE: &str = "code";
/// Codes are many and nothing waits for them, so they are looked for no more often than this, in milliseconds.
const MINUTE: u64 = 60_000;

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Due {
    Key(String),
    Code(String),
}

fn order() -> Key {
    folder("due")
}

fn key_entry(at: Millis, name: &str) -> Key {
    order().number(at.0).plain("key").name(name)
}

fn code_entry(at: Millis, hash: &str) -> Key {
    order().number(at.0).plain(CODE).plain(hash)
}

/// Brings the order from what it says of a key to what it is to say.
pub fn reschedule(txn: &mut Txn, name: &str, from: Option<Millis>, to: Option<Millis>) -> Result<()> {
    if from == to {
        return Ok(());
    }
    if let Some(at) = from {
        txn.delete(&key_entry(at, name));
    }
    if let Some(at) = to {
        txn.put(&key_entry(at, name), &Due::Key(name.to_owned()))?;
    }
    Ok(())
}

/// Answers when it is to be looked for.
pub fn schedule_code(txn: &mut Txn, at: Millis, hash: &str) -> Result<Millis> {
    txn.put(&code_entry(at, hash), &Due::Code(hash.to_owned()))?;
    Ok(with_others(at))
}

fn with_others(at: Millis) -> Millis {
    Millis((at.0 / MINUTE + 1) * MINUTE)
}

pub fn unschedule_code(txn: &mut Txn, at: Millis, hash: &str) {
    txn.delete(&code_entry(at, hash));
}

fn time_of(entry: &Key) -> Option<Millis> {
    match entry.segs().get(2)? {
        Seg::Plain(bytes) => Some(Millis(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))),
        Seg::Name(_) => None,
    }
}

/// When something is due next.
pub fn next_due(view: &View) -> Result<Option<Millis>> {
    let Some(first) = view.range(&order(), None, 1)?.pop() else { return Ok(None) };
    let is_code = matches!(first.segs().get(3), Some(Seg::Plain(kind)) if kind.as_slice() == CODE.as_bytes());
    Ok(time_of(&first).map(|at| if is_code { with_others(at) } else { at }))
}

/// What has waited longest of what is due at `now`.
pub fn due(view: &View, now: Millis) -> Result<Option<Chore>> {
    let Some(first) = view.range(&order(), None, 1)?.pop() else { return Ok(None) };
    if time_of(&first).is_none_or(|at| at > now) {
        return Ok(None);
    }
    match view.get::<Due>(&first)? {
        Some(Due::Key(name)) => {
            let key = NamedKey::get(view, &name)?;
            let rotates = key.filter(|key| key.is_made() && key.next_rotation.is_some_and(|at| at <= now));
            Ok(Some(Box::new(move || {
                let made = rotates.map(|key| Made::new(key.algorithm)).transpose().map_err(Failure::internal)?;
                Ok(Box::new(move |txn: &mut Txn| settle(txn, &first, &name, made.as_ref(), now)) as Finish)
            })))
        }
        Some(Due::Code(_)) => {
            Ok(Some(Box::new(move || Ok(Box::new(move |txn: &mut Txn| forget_codes(txn, now)) as Finish))))
        }
        None => Err(Failure::internal("an entry of what is due is gone")),
    }
}

fn settle(txn: &mut Txn, entry: &Key, name: &str, made: Option<&Made>, now: Millis) -> Result<()> {
    let found = NamedKey::take(txn, name)?;
    // Somebody has changed it meanwhile, and the order with it.
    let Some(mut key) = found.filter(|key| key.due.is_some() && key.due == time_of(entry)) else {
        txn.delete(entry);
        return Ok(());
    };
    match made {
        Some(made) if key.is_made_by(made) => key.rotate(txn, name, made, now, None)?,
        _ => key.forget(now),
    }
    key.put(txn, name).map(|_| ())
}

fn forget_codes(txn: &mut Txn, now: Millis) -> Result<()> {
    for entry in txn.range(&order(), None, PAGE)? {
        if time_of(&entry).is_none_or(|at| at > now) {
            break;
        }
        if let Some(Due::Code(hash)) = txn.get(&entry)? {
            txn.delete(&code_at(&hash));
            txn.delete(&entry);
        }
    }
    Ok(())
}
