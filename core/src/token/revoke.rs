//! Revoking tokens.

use sdk::NamespaceId;
use storage::{Access, PathKey, Read, Txn};

use super::create::unschedule;
use super::{TokenKey, TokenRecord, Tokens, accessor_key, children_key, record_key, uses_key};
use crate::space;

/// How many descendants one revocation sweeps with it. Further ones are dead with their ancestor all the same.
pub const SWEEP_MAX: usize = 500;

impl Tokens {
    /// Revokes a token and everything made with it. Answers whether there was such a token.
    pub fn revoke(&self, txn: &mut Txn, ns: &NamespaceId, key: &TokenKey) -> Result<bool, Access> {
        let known = self.remove(txn, ns, key)?;
        let mut doomed = self.children(txn, key)?;
        let mut swept = 0;
        while let Some(child) = doomed.pop() {
            if swept == SWEEP_MAX {
                break;
            }
            doomed.extend(self.children(txn, &child)?);
            self.remove(txn, ns, &child)?;
            swept += 1;
        }
        Ok(known)
    }

    /// Revokes a token alone; what it made stays, without a parent.
    pub fn revoke_orphan(&self, txn: &mut Txn, ns: &NamespaceId, key: &TokenKey) -> Result<bool, Access> {
        for child in self.children(txn, key)? {
            if let Some(mut record) = txn.get_for_update::<TokenRecord>(&record_key(&child))? {
                record.parent = None;
                txn.put(&record_key(&child), &record)?;
            }
        }
        txn.delete_folder(&children_key(key));
        self.remove(txn, ns, key)
    }

    fn children(&self, txn: &Txn, key: &TokenKey) -> Result<Vec<TokenKey>, Access> {
        let children = txn.children(&children_key(key))?;
        Ok(children.iter().map(|c| TokenKey::from_stored(String::from_utf8_lossy(&c.name).into_owned())).collect())
    }

    fn remove(&self, txn: &mut Txn, ns: &NamespaceId, key: &TokenKey) -> Result<bool, Access> {
        let Some(record) = txn.get_for_update::<TokenRecord>(&record_key(key))? else { return Ok(false) };
        txn.delete(&record_key(key));
        txn.delete(&accessor_key(&record.accessor));
        if let Some(parent) = &record.parent {
            txn.delete(&children_key(parent).plain(key.as_str()));
        }
        if record.num_uses > 0 {
            txn.delete_counter(&uses_key(key));
        }
        unschedule(txn, key, &record);
        txn.elsewhere(space::cubbyholes(ns)).delete_folder(&PathKey::new().plain(key.as_str()));
        Ok(true)
    }
}
