//! Authorization codes: what one stands for, until it is redeemed once or its time is up.
//!
//! ```text
//! oidc / code / hash
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

pub(crate) fn code_at(hash: &str) -> Key {
    folder("code").plain(hash)
}

fn hash_of(code: &str) -> String {
    hex::encode(crypto::sha256(code.as_bytes()))
}

/// Answers when somebody is to look whether it was redeemed.
pub fn store(txn: &mut Txn, code: &str, grant: &Grant) -> Result<Millis> {
    let hash = hash_of(code);
    txn.put(&code_at(&hash), grant)?;
    schedule_code(txn, grant.expires, &hash)
}

/// What the code was given for, once: right or wrong, whoever comes with it next finds nothing.
pub fn redeem(txn: &mut Txn, code: &str, now: Millis) -> Result<Option<Grant>> {
    let hash = hash_of(code);
    let Some(grant) = txn.get_for_update::<Grant>(&code_at(&hash))? else { return Ok(None) };
    txn.delete(&code_at(&hash));
    unschedule_code(txn, grant.expires, &hash);
    Ok(Some(grant).filter(|grant| grant.expires > now))
}
