//! Revoking tokens.

use storage::{Access, Millis, PathKey, Read, Seg, Txn};

use super::create::unschedule;
use super::{TokenKey, TokenRecord, Tokens, accessor_key, children_key, record_key, released_key, uses_key};
use crate::{quota, space};

/// How many descendants one revocation sweeps with it. Further ones are dead with their ancestor all the same, and
/// swept by the worker.
pub const SWEEP_MAX: usize = 500;
/// How often a batch that is too large for a log entry is halved: down to one of each thing. Names are as long as clients
/// make them.
pub const HALVINGS: u32 = 9;

/// Of a batch's `most` what is left after so many halvings.
pub fn halved(most: usize, times: u32) -> usize {
    (most >> times).max(1)
}

/// What one batch of [`Tokens::revoke_orphan`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphaned {
    /// The token is revoked.
    Wholly,
    /// It has more children.
    InPart,
    /// There is no such token.
    Unknown,
}

impl Tokens {
    /// Revokes a token and everything made with it. Answers whether there was such a token.
    pub fn revoke(&self, txn: &mut Txn, key: &TokenKey) -> Result<bool, Access> {
        self.revoke_within(txn, key, &mut { SWEEP_MAX })
    }

    /// The same, for several tokens that share a budget of descendants.
    pub(super) fn revoke_within(&self, txn: &mut Txn, key: &TokenKey, budget: &mut usize) -> Result<bool, Access> {
        let known = self.remove(txn, key)?;
        self.sweep(txn, key, budget)?;
        Ok(known)
    }

    /// Removes a token whose time is up. One that was renewed meanwhile stays.
    pub(crate) fn expire(&self, txn: &mut Txn, key: &TokenKey, now: Millis, budget: &mut usize) -> Result<(), Access> {
        let record = txn.elsewhere(key.records()).get::<TokenRecord>(&record_key(key))?;
        if record.is_some_and(|record| record.is_expired(now)) {
            self.remove(txn, key)?;
            self.sweep(txn, key, budget)?;
        }
        Ok(())
    }

    /// Goes on where an earlier revocation has left off.
    pub(crate) fn sweep_on(&self, txn: &mut Txn, key: &TokenKey, mut budget: usize) -> Result<(), Access> {
        unmark(txn, key);
        self.sweep(txn, key, &mut budget)
    }

    /// Removes the descendants of a token that is gone, as many as the budget allows. The rest is noted down for the
    /// worker.
    fn sweep(&self, txn: &mut Txn, key: &TokenKey, budget: &mut usize) -> Result<(), Access> {
        let mut orphaned = vec![key.clone()];
        while let Some(parent) = orphaned.pop() {
            let children = self.children(txn, &parent, *budget + 1)?;
            // In a sealed namespace nothing can be noted down; what is left there goes when its own time is up.
            if children.len() > *budget && self.barrier.holds(parent.home().keyring()) {
                mark(txn, &parent)?;
            }
            for child in children.into_iter().take(*budget) {
                match self.remove(txn, &child) {
                    // It counts no more in any case; what is left of it goes when its own time is up.
                    Err(Access::NamespaceSealed(_)) if child.home().keyring() != key.home().keyring() => {}
                    removed => removed.map(|_| ())?,
                }
                // Also when the child's own record is gone already.
                txn.elsewhere(parent.records()).delete(&children_key(&parent).plain(child.as_str()));
                orphaned.push(child);
                *budget -= 1;
            }
        }
        Ok(())
    }

    /// A token that is gone and has left descendants. `read` is where the order of what is due lies.
    pub(crate) fn to_sweep(&self, read: &impl Read) -> Result<Option<TokenKey>, Access> {
        let first = read.range(&PathKey::kind("sweep"), None, 1)?;
        Ok(first.first().and_then(last_segment))
    }

    /// Takes its children from a token, `most` of them, and once none is left revokes it. Until then it counts: what
    /// it made would end with it.
    pub fn revoke_orphan(&self, txn: &mut Txn, key: &TokenKey, most: usize) -> Result<Orphaned, Access> {
        // What is left of the children of one that is gone is dead, and stays so.
        if txn.elsewhere(key.records()).get_for_update::<TokenRecord>(&record_key(key))?.is_none() {
            return Ok(Orphaned::Unknown);
        }
        let children = self.children(txn, key, most + 1)?;
        let more = children.len() > most;
        for child in children.into_iter().take(most) {
            if self.is_sealed_away(txn, &child, key)? {
                txn.elsewhere(key.records()).put(&released_key(key, &child), &())?;
                txn.elsewhere(key.records()).delete(&children_key(key).plain(child.as_str()));
                continue;
            }
            let mut records = txn.elsewhere(child.records());
            if let Some(mut record) = records.get_for_update::<TokenRecord>(&record_key(&child))? {
                record.parent = None;
                records.put(&record_key(&child), &record)?;
            }
            txn.elsewhere(key.records()).delete(&children_key(key).plain(child.as_str()));
        }
        Ok(match more {
            true => Orphaned::InPart,
            false => {
                self.remove(txn, key)?;
                Orphaned::Wholly
            }
        })
    }

    /// Whether the child of a token belongs to a namespace that is sealed: nothing is written there then.
    fn is_sealed_away(&self, txn: &Txn, child: &TokenKey, parent: &TokenKey) -> Result<bool, Access> {
        let home = child.home();
        if home.keyring() == parent.home().keyring() {
            return Ok(false);
        }
        let place = self.namespaces.by_id(&txn.as_view(), &home, &mut Vec::new())?;
        Ok(place.is_some_and(|place| place.is_sealed()) || !self.barrier.holds(home.keyring()))
    }

    fn children(&self, txn: &mut Txn, key: &TokenKey, limit: usize) -> Result<Vec<TokenKey>, Access> {
        let children = txn.elsewhere(key.records()).range(&children_key(key), None, limit)?;
        Ok(children.iter().filter_map(last_segment).collect())
    }

    fn remove(&self, txn: &mut Txn, key: &TokenKey) -> Result<bool, Access> {
        let mut records = txn.elsewhere(key.records());
        let Some(record) = records.get_for_update::<TokenRecord>(&record_key(key))? else { return Ok(false) };
        records.delete(&record_key(key));
        records.delete(&accessor_key(&record.accessor));
        if record.num_uses > 0 {
            records.delete_counter(&uses_key(key));
        }
        if let Some(parent) = &record.parent {
            let mut records = txn.elsewhere(parent.records());
            records.delete(&children_key(parent).plain(key.as_str()));
            if parent.home().keyring() != key.home().keyring() {
                records.delete(&released_key(parent, key));
            }
        }
        unschedule(txn, key, &record);
        if let Some(quota) = &record.counted_by {
            quota::leases::give_back(txn, &key.home(), quota)?;
        }
        txn.elsewhere(key.cubbyhole(&key.home())).delete_folder(&PathKey::new());
        Ok(true)
    }
}

fn sweep_key(key: &TokenKey) -> PathKey {
    PathKey::kind("sweep").plain(key.as_str())
}

/// Its descendants are to be swept on.
fn mark(txn: &mut Txn, key: &TokenKey) -> Result<(), Access> {
    txn.elsewhere(space::schedule(&key.home())).put(&sweep_key(key), &())
}

fn unmark(txn: &mut Txn, key: &TokenKey) {
    txn.elsewhere(space::schedule(&key.home())).delete(&sweep_key(key));
}

fn last_segment(key: &PathKey) -> Option<TokenKey> {
    match key.segs().last()? {
        Seg::Plain(bytes) => Some(TokenKey::from_stored(String::from_utf8_lossy(bytes).into_owned())),
        Seg::Name(_) => None,
    }
}
