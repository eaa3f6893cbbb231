//! Leases of tokens: found by their id, listed and revoked by the path that made them.

use sdk::NamespaceId;
use storage::{Access, Millis, PathKey, Read, Txn, View};

use super::create::lease_key;
use super::id::home_of;
use super::{SWEEP_MAX, TokenKey, TokenRecord, Tokens, halved, record_key};
use crate::{quota, space};

/// How many leases one batch revokes.
const PAGE: usize = 64;

/// What one batch of revocations came to.
pub struct Revoked {
    pub leases: usize,
    /// Behind which the next batch goes on; `None` when there is no more.
    pub next: Option<PathKey>,
}

impl Tokens {
    /// The token of a lease that somebody in a namespace asks about: of that namespace, or of one below, as the id says. `view` is
    /// anywhere.
    pub fn leased(
        &self,
        view: &View,
        from: &NamespaceId,
        id: &str,
        now: Millis,
    ) -> Result<Option<(TokenKey, TokenRecord)>, Access> {
        let home = home_of(id);
        if !self.namespaces.is_within(view, &home, from)? {
            return Ok(None);
        }
        self.of_lease(&view.elsewhere(space::records(&home)), id, now)
    }

    /// The token of a lease that has not ended. `read` is at the records of its namespace, as for all that follow.
    fn of_lease(&self, read: &impl Read, id: &str, now: Millis) -> Result<Option<(TokenKey, TokenRecord)>, Access> {
        let Some(key) = read.get::<String>(&lease_key(id))?.map(TokenKey::from_stored) else { return Ok(None) };
        let record = read.get::<TokenRecord>(&record_key(&key))?;
        let lives = |record: &TokenRecord| record.lease.as_deref() == Some(id) && !record.is_expired(now);
        Ok(record.filter(lives).map(|record| (key, record)))
    }

    /// What leases lie directly below a path, and which folders do.
    pub fn leases_below(&self, read: &impl Read, prefix: &str) -> Result<Vec<String>, Access> {
        read.list(&lease_key(prefix))
    }

    /// Looks through some of the leases of a mount, and marks each with the quota that counts it now. Answers behind which the
    /// next batch goes on; `None` when there is no more.
    pub(crate) fn settle_leases(
        &self,
        txn: &mut Txn,
        mount: &str,
        after: Option<&PathKey>,
        halvings: u32,
    ) -> Result<Option<PathKey>, Access> {
        let page = halved(PAGE, halvings);
        let found = txn.range(&lease_key(mount), after, page)?;
        for lease in &found {
            let Some(key) = txn.get::<String>(lease)?.map(TokenKey::from_stored) else { continue };
            let Some(mut record) = txn.get::<TokenRecord>(&record_key(&key))? else { continue };
            let marked = record.counted_by.as_deref();
            if let Some(mark) = quota::leases::settle(txn, &record.home, &record.path, marked)? {
                record.counted_by = mark;
                txn.put(&record_key(&key), &record)?;
            }
        }
        Ok(if found.len() < page { None } else { found.last().cloned() })
    }

    /// Revokes some of the leases below a path, with their tokens and what those have made: as many as fit into a batch
    /// that was [halved] so often.
    pub fn revoke_leases(
        &self,
        txn: &mut Txn,
        prefix: &str,
        after: Option<&PathKey>,
        halvings: u32,
    ) -> Result<Revoked, Access> {
        let page = halved(PAGE, halvings);
        let found = txn.range(&lease_key(prefix), after, page)?;
        let mut budget = halved(SWEEP_MAX, halvings);
        for lease in &found {
            let Some(key) = txn.get::<String>(lease)?.map(TokenKey::from_stored) else { continue };
            self.revoke_within(txn, &key, &mut budget)?;
        }
        let next = if found.len() < page { None } else { found.last().cloned() };
        Ok(Revoked { leases: found.len(), next })
    }
}
