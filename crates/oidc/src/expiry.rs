//! What happens when its time comes, by itself: keys rotate, public halves and codes are forgotten. Two indexes in the order of time.
//!
//! ```text
//! oidc / due / "key" / time / name, "code" / time / hash
//! ```
//!
//! However many codes there are, no key waits behind them.

use std::time::Duration;

use sdk::{Chore, Failure, Finish, Key, Millis, Read, Result, Seg, Txn, View};

use crate::code::forget_code;
use crate::{Made, NamedKey, folder};

/// Codes that one batch forgets.
const PAGE: usize = 256;
const KEY: &str = "key";
const CODE: &str = "code";
/// How long a key waits that could not be rotated, before it is tried again.
const LATER: Duration = Duration::from_secs(600);
/// Codes are many and nothing waits for them, so they are looked for no more often than this, in milliseconds.
const MINUTE: u64 = 60_000;

fn order(of: &str) -> Key {
    folder("due").plain(of)
}

fn key_entry(at: Millis, name: &str) -> Key {
    order(KEY).number(at.0).name(name)
}

fn code_entry(at: Millis, hash: &str) -> Key {
    order(CODE).number(at.0).plain(hash)
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
        txn.put(&key_entry(at, name), name)?;
    }
    Ok(())
}

/// Answers when it is to be looked for.
pub fn schedule_code(txn: &mut Txn, at: Millis, hash: &str) -> Result<Millis> {
    txn.put(&code_entry(at, hash), hash)?;
    Ok(with_others(at))
}

fn with_others(at: Millis) -> Millis {
    Millis((at.0 / MINUTE + 1) * MINUTE)
}

pub fn unschedule_code(txn: &mut Txn, at: Millis, hash: &str) {
    txn.delete(&code_entry(at, hash));
}

fn time_of(entry: &Key) -> Option<Millis> {
    match entry.segs().get(3)? {
        Seg::Plain(bytes) => Some(Millis(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))),
        Seg::Name(_) => None,
    }
}

/// When something is due next.
pub fn next_due(view: &View) -> Result<Option<Millis>> {
    let first = |of| -> Result<Option<Millis>> { Ok(view.range(&order(of), None, 1)?.first().and_then(time_of)) };
    let (key, code) = (first(KEY)?, first(CODE)?.map(with_others));
    Ok(key.into_iter().chain(code).min())
}

/// What is due at `now`: the key that has waited longest, or else codes.
pub fn due(view: &View, now: Millis) -> Result<Option<Chore>> {
    let is_due = |entry: &Key| time_of(entry).is_some_and(|at| at <= now);
    let Some(first) = view.range(&order(KEY), None, 1)?.pop().filter(is_due) else {
        let forgets: Chore = Box::new(move || Ok(Box::new(move |txn: &mut Txn| forget_codes(txn, now)) as Finish));
        let code = view.range(&order(CODE), None, 1)?.pop().filter(is_due);
        return Ok(code.map(|_| forgets));
    };
    let name = view.get::<String>(&first)?;
    let name = name.ok_or_else(|| Failure::internal("an entry of what is due is gone"))?;
    let key = NamedKey::get(view, &name)?;
    let rotates = key.filter(|key| key.is_made() && key.next_rotation.is_some_and(|at| at <= now));
    Ok(Some(Box::new(move || {
        let made = rotates.map(|key| Made::new(key.algorithm)).transpose().map_err(Failure::internal)?;
        Ok(Box::new(move |txn: &mut Txn| settle(txn, &first, &name, made.as_ref(), now)) as Finish)
    })))
}

fn settle(txn: &mut Txn, entry: &Key, name: &str, made: Option<&Made>, now: Millis) -> Result<()> {
    let found = NamedKey::take(txn, name)?;
    // Somebody has changed it meanwhile, and the order with it.
    let Some(mut key) = found.filter(|key| key.due.is_some() && key.due == time_of(entry)) else {
        txn.delete(entry);
        return Ok(());
    };
    key.forget(now);
    match made {
        // What waits for room rotates when the first half ends: nothing else of the namespace waits for it.
        Some(_) if key.is_full() => key.next_rotation = key.first_end().or(Some(now.plus(LATER))),
        Some(made) if key.is_made_by(made) => key.rotate(txn, name, made, now, None)?,
        _ => {}
    }
    key.put(txn, name).map(|_| ())
}

fn forget_codes(txn: &mut Txn, now: Millis) -> Result<()> {
    for entry in txn.range(&order(CODE), None, PAGE)? {
        if time_of(&entry).is_none_or(|at| at > now) {
            break;
        }
        if let Some(hash) = txn.get::<String>(&entry)? {
            forget_code(txn, &hash)?;
            txn.delete(&entry);
        }
    }
    Ok(())
}
