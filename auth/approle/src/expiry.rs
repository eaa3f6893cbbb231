//! When secret IDs end: an index in the order of time, and sweeping away what is past it.
//!
//! Nothing depends on the sweep: a secret ID whose time is up counts no more wherever it is looked for. Whoever registers
//! one takes a few of those away, so that what is swept keeps pace with what is made, without a loop over the mount.

use sdk::{Access, Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::secret_id::{Mac, SecretId};

#[derive(Serialize, Deserialize)]
pub struct Due {
    pub at: Millis,
    /// The role's.
    pub uid: String,
    pub mac: Mac,
}

fn folder() -> Key {
    Key::kind("due")
}

/// Written with each secret ID that somebody chose: alone among all they can come back under the key of an earlier one.
fn chosen() -> Key {
    Key::kind("chosen")
}

impl Due {
    fn key(&self) -> Key {
        folder().number(self.at.0).plain(&self.uid).plain(self.mac.as_str())
    }
}

pub fn schedule(txn: &mut Txn, due: &Due) -> Result<(), Access> {
    txn.put(&due.key(), due)
}

pub fn unschedule(txn: &mut Txn, due: &Due) {
    txn.delete(&due.key());
}

/// Keeps sweeps that run at the same time from taking away a secret ID that comes back.
pub fn hold_sweeps(txn: &mut Txn) -> Result<(), Access> {
    txn.put(&chosen(), &())
}

pub struct Swept {
    pub removed: usize,
    /// There may be more.
    pub more: bool,
}

/// Takes away the secret IDs whose time was up first, at most `most`.
///
/// What is read here the batch does not rely on, or all requests that sweep at the same time would get into each other's
/// way: they delete the same, which does no harm.
pub fn sweep(txn: &mut Txn, now: Millis, most: usize) -> Result<Swept> {
    let then = txn.as_view();
    let keys = then.range(&folder(), None, most)?;
    let mut swept = Swept { removed: 0, more: false };
    for key in &keys {
        let Some(due) = then.get::<Due>(key)? else { continue };
        if due.at > now {
            return Ok(swept);
        }
        if swept.removed == 0 {
            // But for those that could come back: the batch relies on none having been chosen meanwhile.
            txn.bytes(&chosen())?;
        }
        swept.removed += 1;
        txn.delete(key);
        let found = SecretId::stored(&then, &due.uid, &due.mac)?;
        if let Some(found) = found.filter(|found| found.expires == Some(due.at)) {
            found.remove(txn, &due.uid, &due.mac);
        }
    }
    swept.more = keys.len() == most;
    Ok(swept)
}
