//! What an entity makes its codes with.

use sdk::{Failure, Result};
use storage::{Access, PathKey, Read, Seg, Txn};
use totp::Key;

use super::codes::codes_key;
use super::folder;
use super::guesses;
use super::method::{Method, Settings};
use crate::identity::entity;

/// A new key, as an authenticator takes it. No Debug: it shows the secret.
pub struct Enrolled {
    pub url: String,
    /// A PNG in base64; empty if the method asks for none.
    pub barcode: String,
}

fn key_key(method: &str, entity: &str) -> PathKey {
    folder("key").plain(method).plain(entity)
}

pub(super) fn enrolled_by(entity: &str) -> PathKey {
    folder("enrolled").plain(entity)
}

/// Where all is that entities have for a method, but for the list of whose it is.
pub(super) fn keys_of(method: &str) -> [PathKey; 2] {
    [folder("key").plain(method), folder("codes").plain(method)]
}

pub(super) fn key(read: &impl Read, method: &str, entity: &str) -> Result<Option<Key>, Access> {
    read.get(&key_key(method, entity))
}

/// Gives an entity a key for a method; `None` if it has one.
pub fn enrol(txn: &mut Txn, method: &Method, entity_id: &str) -> Result<Option<Enrolled>> {
    let Settings::Totp(settings) = &method.settings else {
        let kind = method.settings.kind().name();
        return Err(Failure::invalid(format!("generate not available for MFA type {kind:?}")));
    };
    let Some(entity) = entity(txn, entity_id)? else { return Err(Failure::invalid("invalid entity ID")) };
    txn.latch(&key_key(&method.id, &entity.id))?;
    if key(txn, &method.id, &entity.id)?.is_some() {
        return Ok(None);
    }
    let key = settings.key(entity.id.clone());
    let barcode = if settings.qr_size == 0 { String::new() } else { key.barcode(settings.qr_size)? };
    txn.put(&key_key(&method.id, &entity.id), &key)?;
    txn.put(&enrolled_by(&entity.id).plain(&method.id), &())?;
    Ok(Some(Enrolled { url: key.url(), barcode }))
}

/// Takes an entity's key for a method away. With another one they begin anew.
pub fn withdraw(txn: &mut Txn, method: &str, entity: &str) -> Result<(), Access> {
    txn.latch(&key_key(method, entity))?;
    txn.delete(&key_key(method, entity));
    txn.delete(&codes_key(method, entity));
    txn.delete(&enrolled_by(entity).plain(method));
    guesses::forget(txn, entity)
}

fn methods_of(txn: &Txn, entity: &str) -> Result<Vec<String>, Access> {
    let keys = txn.range(&enrolled_by(entity), None, usize::MAX)?;
    let last = |key: &PathKey| match key.segs().last()? {
        Seg::Plain(bytes) | Seg::Name(bytes) => String::from_utf8(bytes.clone()).ok(),
    };
    Ok(keys.iter().filter_map(last).collect())
}

/// Of an entity that is not going to be there any more.
pub(in crate::identity) fn forget_keys(txn: &mut Txn, entity: &str) -> Result<(), Access> {
    for method in methods_of(txn, entity)? {
        withdraw(txn, &method, entity)?;
    }
    guesses::forget(txn, entity)
}

/// The methods that both have a key for. Of others than those with keys it is known here who has refused them.
pub(in crate::identity) fn keys_of_both(txn: &Txn, one: &str, other: &str) -> Result<Vec<String>, Access> {
    let mut both = Vec::new();
    for method in methods_of(txn, one)? {
        if key(txn, &method, one)?.is_some() && key(txn, &method, other)?.is_some() {
            both.push(method);
        }
    }
    Ok(both)
}

/// Gives the keys of an entity to the one that it is merged into, with what is known of their codes. Where that one has a key
/// already, it keeps it.
pub(in crate::identity) fn move_keys(txn: &mut Txn, from: &str, to: &str) -> Result<(), Access> {
    guesses::pass_on(txn, from, to)?;
    for method in methods_of(txn, from)? {
        txn.latch(&key_key(&method, to))?;
        let own = key(txn, &method, to)?;
        if let Some(moved) = key(txn, &method, from)?.filter(|_| own.is_none()) {
            txn.put(&key_key(&method, to), &moved)?;
            txn.put(&enrolled_by(to).plain(&method), &())?;
        }
        // Codes that were used, and refusals, stay what they were.
        let codes = txn.get_for_update::<super::codes::Codes>(&codes_key(&method, from))?;
        let known = txn.get_for_update::<super::codes::Codes>(&codes_key(&method, to))?;
        if let Some(codes) = codes.filter(|_| own.is_none() && known.is_none()) {
            txn.put(&codes_key(&method, to), &codes)?;
            txn.put(&enrolled_by(to).plain(&method), &())?;
        }
        withdraw(txn, &method, from)?;
    }
    Ok(())
}
