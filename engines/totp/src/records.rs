//! The stored records: their keys and shapes. The README draws the layout.

use std::collections::BTreeMap;
use std::time::Duration;

use sdk::{Failure, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};
use totp::Key;

/// The codes that were tried, each with the time until which it cannot be tried again.
#[derive(Default, Serialize, Deserialize)]
pub struct Used(BTreeMap<String, Millis>);

const USED_MAX: usize = 1000;

impl Used {
    /// Uses a code up, or says that somebody did.
    pub fn take(&mut self, code: String, key: &Key, now: Millis) -> Result<()> {
        self.0.retain(|_, until| *until > now);
        if self.0.contains_key(&code) {
            return Err(Failure::invalid("code already used; wait until the next time period"));
        }
        if self.0.len() >= USED_MAX {
            let text = "too many codes were tried in a short time; wait until the next time period";
            return Err(Failure::invalid(text));
        }
        let seconds = key.period.saturating_mul(2 + key.skew);
        self.0.insert(code, now.plus(Duration::from_secs(seconds)));
        Ok(())
    }
}

/// The folder of all keys.
pub fn keys() -> sdk::Key {
    sdk::Key::kind("key")
}

pub fn key(read: &impl Read, name: &str) -> Result<Option<Key>> {
    Ok(read.get(&keys().name(name))?)
}

pub fn put_key(txn: &mut Txn, name: &str, key: &Key) -> Result<()> {
    Ok(txn.put(&keys().name(name), key)?)
}

/// Removes the key and what is known of its codes.
pub fn delete_key(txn: &mut Txn, name: &str) {
    txn.delete(&keys().name(name));
    txn.delete(&used(name));
}

/// Takes the place in the queue of those who check the key's codes.
pub fn used_for_update(txn: &Txn, name: &str) -> Result<Used> {
    Ok(txn.get_for_update(&used(name))?.unwrap_or_default())
}

pub fn put_used(txn: &mut Txn, name: &str, codes: &Used) -> Result<()> {
    Ok(txn.put(&used(name), codes)?)
}

fn used(name: &str) -> sdk::Key {
    sdk::Key::kind("used").name(name)
}
