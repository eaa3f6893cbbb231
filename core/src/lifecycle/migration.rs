//! From one way of sealing to another, as the configuration asks for it: new seals are in it, or old ones are there as `disabled`.
//!
//! Whoever holds the shares has to agree, by unsealing with `migrate`. The root key stays what it is, so this is about its wraps
//! alone: the active node makes those that are to be, sees that they open, and takes away those of the seals that are left.
//! Shares stay: those that unsealed are recovery keys afterwards, and the other way round.

use std::collections::BTreeSet;

use storage::StoreError;
use tokio::time::Instant;

use super::ceremony::CeremonyError;
use super::rewrap::Rewrap;
use super::{ChangeError, Node};

/// What whoever holds the shares has said on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Agreement {
    #[default]
    None,
    /// They agree, who have shares of the key with this id.
    By(String),
    /// What they agreed to was carried out, by this node.
    CarriedOut,
}

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
        matches!(self.agreement(), Agreement::By(_)) && matches!(self.pending_migration(), Ok(Some(_)))
    }

    pub(super) fn agreement(&self) -> Agreement {
        self.migrating.lock().clone()
    }

    pub(super) fn agree_to_migrate(&self, key_id: String) {
        *self.migrating.lock() = Agreement::By(key_id);
        self.rewrapping.notify_one();
    }

    /// On the active node: all that is to be and nothing of what was, at once. What was goes only if something that is to be was seen
    /// to open, or back to the shares that have agreed.
    pub(super) async fn migrate(&self, deadline: Instant) -> Result<(), CeremonyError> {
        let Some(Migration { to, from }) = self.pending_migration()? else { return Ok(()) };
        let Agreement::By(key_id) = self.agreement() else { return Ok(()) };
        let by_shares = to.is_empty().then_some(key_id);
        let count = to.len();
        let waits = |why: String| ChangeError::Unavailable(format!("the migration waits for its seals: {why}"));
        // A node whose configuration still has the old seal does not wrap by it again.
        let change = Rewrap { make: to, take: from.clone(), without: from, by_shares, ..Rewrap::default() };
        let failed = match self.rewrap(&change, deadline).await {
            Err(CeremonyError::Refused(text)) => return Err(waits(text).into()),
            done => done?,
        };
        if count > 0 && failed.len() == count {
            return Err(waits(failed.join("; ")).into());
        }
        for problem in failed {
            tracing::warn!(problem, "the root key was not wrapped by a seal; it is tried again");
        }
        *self.migrating.lock() = Agreement::CarriedOut;
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
