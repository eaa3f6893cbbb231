//! Authorization codes: what one stands for, until it is redeemed once or its time is up.
//!
//! ```text
//! oidc / code / hash
//! oidc / codes / entity id       those of one entity that wait, the oldest first
//! ```
//!
//! A code is found by its SHA-256, so what lies in the store is good for nothing. It is replicated: who leads when it is
//! redeemed does not matter.

use std::time::Duration;

use sdk::{Key, Millis, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::expiry::{schedule_code, unschedule_code};
use crate::{Challenge, folder};

pub const TTL: Duration = Duration::from_secs(300);
/// Of one entity for one client; one more takes the place of the oldest.
const OF_CLIENT_MAX: usize = 16;
/// Of one entity for all clients.
const OF_ENTITY_MAX: usize = 128;

/// What a code was given for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub provider: String,
    pub client_id: String,
    pub entity_id: String,
    pub redirect_uri: String,
    pub nonce: String,
    pub scopes: Vec<String>,
    /// Whether the client has asked when they logged in, and when that was.
    pub auth_time: Option<Millis>,
    pub challenge: Option<Challenge>,
    pub expires: Millis,
}

/// A code that waits, as its entity's list has it.
#[derive(Serialize, Deserialize)]
struct Waits {
    hash: String,
    client_id: String,
    expires: Millis,
}

fn codes_of(entity_id: &str) -> Key {
    folder("codes").plain(entity_id)
}

fn code_at(hash: &str) -> Key {
    folder("code").plain(hash)
}

fn hash_of(code: &str) -> String {
    hex::encode(crypto::sha256(code.as_bytes()))
}

/// Answers when somebody is to look whether it was redeemed.
pub fn store(txn: &mut Txn, code: &str, grant: &Grant) -> Result<Millis> {
    let hash = hash_of(code);
    let list = codes_of(&grant.entity_id);
    let mut waiting: Vec<Waits> = txn.get_for_update(&list)?.unwrap_or_default();
    let of_client = |waits: &Waits| waits.client_id == grant.client_id;
    while waiting.len() >= OF_ENTITY_MAX {
        drop_code(txn, waiting.remove(0));
    }
    while waiting.iter().filter(|waits| of_client(waits)).count() >= OF_CLIENT_MAX {
        let Some(oldest) = waiting.iter().position(of_client) else { break };
        drop_code(txn, waiting.remove(oldest));
    }
    waiting.push(Waits { hash: hash.clone(), client_id: grant.client_id.clone(), expires: grant.expires });
    txn.put(&list, &waiting)?;
    txn.put(&code_at(&hash), grant)?;
    schedule_code(txn, grant.expires, &hash)
}

fn drop_code(txn: &mut Txn, waits: Waits) {
    txn.delete(&code_at(&waits.hash));
    unschedule_code(txn, waits.expires, &waits.hash);
}

/// Takes a code away, and out of its entity's list.
fn take(txn: &mut Txn, hash: &str) -> Result<Option<Grant>> {
    let Some(grant) = txn.get_for_update::<Grant>(&code_at(hash))? else { return Ok(None) };
    txn.delete(&code_at(hash));
    let list = codes_of(&grant.entity_id);
    let mut waiting: Vec<Waits> = txn.get_for_update(&list)?.unwrap_or_default();
    waiting.retain(|waits| waits.hash != hash);
    if waiting.is_empty() {
        txn.delete(&list);
    } else {
        txn.put(&list, &waiting)?;
    }
    Ok(Some(grant))
}

pub(crate) fn forget_code(txn: &mut Txn, hash: &str) -> Result<()> {
    take(txn, hash).map(|_| ())
}

/// What the code was given for, once: right or wrong, whoever comes with it next finds nothing.
pub fn redeem(txn: &mut Txn, code: &str, now: Millis) -> Result<Option<Grant>> {
    let hash = hash_of(code);
    let Some(grant) = take(txn, &hash)? else { return Ok(None) };
    unschedule_code(txn, grant.expires, &hash);
    Ok(Some(grant).filter(|grant| grant.expires > now))
}
