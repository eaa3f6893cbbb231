//! From one way of sealing to another, as the configuration asks for it: new seals are in it, or old ones are there as `disabled`.
//!
//! Whoever holds the shares has to agree, by unsealing with `migrate`. The root key stays what it is, so this is about its wraps
//! alone: the active node makes those that are to be, sees that they open, and takes away those of the seals that are left.
//! Shares stay: those that unsealed are recovery keys afterwards, and the other way round.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use storage::StoreError;
use tokio::time::Instant;

use super::rewrap::Rewrap;
use super::{ChangeError, Node};

/// The seals to go over to, and those to be left.
#[derive(Debug, PartialEq, Eq)]
struct Migration {
    to: BTreeSet<String>,
    from: BTreeSet<String>,
}

impl Node {
    /// Whether the configuration asks for a migration that has not been carried out yet.
    pub fn migration_is_pending(&self) -> Result<bool, StoreError> {
        Ok(self.pending_migration()?.is_some())
    }

    /// Whether whoever holds the shares has agreed, on this node, to one that is still pending.
    pub(super) fn is_migrating(&self) -> bool {
        self.migrating.load(Ordering::Acquire) && matches!(self.pending_migration(), Ok(Some(_)))
    }

    pub(super) fn agree_to_migrate(&self) {
        self.migrating.store(true, Ordering::Release);
        self.keyring.wake.notify_one();
    }

    /// On the active node.
    pub(super) async fn migrate(&self, deadline: Instant) -> Result<(), ChangeError> {
        let Some(Migration { to, from }) = self.pending_migration()? else { return Ok(()) };
        // First all that is to be, then without what was: in between any of them opens.
        if !to.is_empty() {
            let count = to.len();
            let failed = self.rewrap(Rewrap { make: to, ..Rewrap::default() }, deadline).await?;
            if failed.len() == count {
                return Err(ChangeError::Unavailable(format!(
                    "the migration waits for its seals: {}",
                    failed.join("; ")
                )));
            }
        }
        self.rewrap(Rewrap { take: from, ..Rewrap::default() }, deadline).await?;
        self.migrating.store(false, Ordering::Release);
        tracing::warn!("the seal migration is complete");
        Ok(())
    }

    fn pending_migration(&self) -> Result<Option<Migration>, StoreError> {
        let Some((config, wraps)) = self.stored_seal()? else { return Ok(None) };
        let to: BTreeSet<String> = self.seals.enabled().map(|seal| seal.name.clone()).collect();
        let left = self.seals.disabled().filter(|seal| !to.contains(&seal.name));
        let left = left.filter(|seal| wraps.of(&seal.name).is_some_and(|wrap| wrap.kind == seal.seal.kind()));
        let mut from: BTreeSet<String> = left.map(|seal| seal.name.clone()).collect();
        let pending = match (config.kind().is_automatic(), to.is_empty()) {
            (false, _) => !to.is_empty(),
            (true, false) => !from.is_empty(),
            // What is left are the shares, if there are any.
            (true, true) => {
                let pending = !from.is_empty() && config.shares() > 0;
                from.extend(wraps.automatic().map(|wrap| wrap.seal().to_owned()));
                pending
            }
        };
        Ok(pending.then_some(Migration { to, from }))
    }
}
