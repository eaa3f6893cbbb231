//! The codes of a key that were used, and who was refused by those that others ask.
//!
//! A code is told by its step of time, of which few can be right at a moment; so the record has a bounded size, and what it
//! says is known to every later active node. Time does not go back with another one, so what can be right no more can be
//! forgotten.

use std::time::Duration;

use sdk::Result;
use serde::{Deserialize, Serialize};
use storage::{Millis, PathKey, Txn};
use totp::{Key, Moment};

use super::folder;
use super::guesses::Guesses;
use super::key::enrolled_by;
use super::method::Totp;

/// Refusals in a row, by somebody's phone or for want of an answer, and how long they count.
const REFUSALS_MAX: u32 = 5;
const REFUSALS_COUNT: Duration = Duration::from_secs(600);
const WRONG: &str = "MFA credentials not supplied or incorrect";

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Codes {
    /// The steps whose codes were used, as far as they could still be right.
    used: Vec<u64>,
    /// Refusals in a row, of a method that somebody else asks by.
    attempts: u32,
    /// Of the first of them.
    since: Millis,
}

pub(super) fn codes_key(method: &str, entity: &str) -> PathKey {
    folder("codes").plain(method).plain(entity)
}

/// Uses a code up. Otherwise the answer says why not; whether it was wrong or used, or there is no key, it does not: who has only
/// the password learns nothing by guessing.
pub(super) fn take(
    txn: &mut Txn,
    now: Millis,
    (method, entity): (&str, &str),
    (settings, key): (&Totp, Option<&Key>),
    code: &str,
) -> Result<Option<String>> {
    let most = settings.max_validation_attempts;
    let guesses = Guesses::read(txn, now, entity, most, settings.window())?;
    if let Some(wait) = guesses.waits(now) {
        let seconds = wait.as_secs() + 1;
        return Ok(Some(format!(
            "maximum TOTP validation attempts exceeded: {most} are allowed. Please try again in {seconds} seconds"
        )));
    }
    if let Some(key) = key
        && use_up(txn, now, &codes_key(method, entity), key, code)?
    {
        return Ok(None);
    }
    guesses.one_more(txn, now, entity, most)?;
    Ok(Some(WRONG.to_owned()))
}

/// Whether it is right, and was not used.
fn use_up(txn: &mut Txn, now: Millis, record: &PathKey, key: &Key, code: &str) -> Result<bool> {
    let mut codes: Codes = txn.get_for_update(record)?.unwrap_or_default();
    let Moment { step, .. } = Moment::of(now, key.period);
    codes.used.retain(|used| used.saturating_add(key.skew) >= step);
    let step = if code.len() == key.digits.count() { key.step_of(code, step)? } else { None };
    let Some(step) = step.filter(|step| !codes.used.contains(step)) else { return Ok(false) };
    codes.used.push(step);
    txn.put(record, &codes)?;
    Ok(true)
}

/// Nothing was given to check.
pub(super) fn missing() -> String {
    WRONG.to_owned()
}

/// Why somebody is not asked for now.
pub(super) fn tired(txn: &Txn, now: Millis, (method, entity): (&str, &str)) -> Result<Option<String>> {
    let codes: Codes = txn.get_for_update(&codes_key(method, entity))?.unwrap_or_default();
    let end = codes.since.plus(REFUSALS_COUNT);
    if codes.attempts < REFUSALS_MAX || now >= end {
        return Ok(None);
    }
    let seconds = now.until(end).as_secs() + 1;
    Ok(Some(format!(
        "this second factor was refused or not answered {REFUSALS_MAX} times in a row. Please try again in {seconds} seconds"
    )))
}

/// What somebody has answered.
pub(super) fn note(txn: &mut Txn, now: Millis, (method, entity): (&str, &str), right: bool) -> Result<()> {
    let key = codes_key(method, entity);
    let before: Option<Codes> = txn.get_for_update(&key)?;
    if right {
        if before.is_some() {
            txn.delete(&key);
        }
        return Ok(());
    }
    let mut codes = before.unwrap_or_default();
    if now >= codes.since.plus(REFUSALS_COUNT) {
        codes.attempts = 0;
    }
    if codes.attempts == 0 {
        codes.since = now;
    }
    codes.attempts += 1;
    txn.put(&key, &codes)?;
    // So that it goes with the entity.
    Ok(txn.put(&enrolled_by(entity).plain(method), &())?)
}
