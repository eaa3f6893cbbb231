//! Roles: what an identity token says, for how long, and which key signs it.
//!
//! ```text
//! oidc / role / name
//! ```

use sdk::{Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::default::names;
use crate::{Used, folder};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Role {
    pub key: String,
    pub template: String,
    /// Seconds.
    pub ttl: u64,
    pub client_id: String,
}

fn roles() -> Key {
    folder("role")
}

impl Role {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&roles().name(name))?)
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&roles().name(name))?)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names(read, &roles())
    }

    pub fn put(&self, txn: &mut Txn, name: &str, before: Option<&Self>, now: Millis) -> Result<()> {
        if let Some(before) = before.filter(|before| before.key != self.key) {
            Used::KeyByRole.lets_go(txn, &before.key, now)?;
        }
        let before = before.map(|role| std::slice::from_ref(&role.key)).unwrap_or_default();
        Used::KeyByRole.refer(txn, name, before, std::slice::from_ref(&self.key))?;
        Ok(txn.put(&roles().name(name), self)?)
    }

    pub fn delete(&self, txn: &mut Txn, name: &str, now: Millis) -> Result<()> {
        Used::KeyByRole.lets_go(txn, &self.key, now)?;
        Used::KeyByRole.refer(txn, name, std::slice::from_ref(&self.key), &[])?;
        txn.delete(&roles().name(name));
        Ok(())
    }
}
