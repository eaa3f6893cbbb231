//! Who refers to what: so that nothing is deleted that something else needs.
//!
//! ```text
//! oidc / user / kind / what / who
//! oidc / used / kind / what          written with each new reference: a deletion relies on it
//! oidc / lingers / kind / what       until when what was signed for somebody who refers to it no more is verified
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use sdk::{Key, Millis, Read, Result, Txn};

use crate::{NamedKey, folder};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Used {
    KeyByRole,
    KeyByClient,
    AssignmentByClient,
    ScopeByProvider,
}

impl Used {
    fn name(self) -> &'static str {
        match self {
            Self::KeyByRole => "key-role",
            Self::KeyByClient => "key-client",
            Self::AssignmentByClient => "assignment",
            Self::ScopeByProvider => "scope",
        }
    }

    fn users(self, what: &str) -> Key {
        folder("user").plain(self.name()).name(what)
    }

    fn stamp(self, what: &str) -> Key {
        folder("used").plain(self.name()).name(what)
    }

    /// Brings the references of `who` from what they were to what they are to be.
    pub fn refer(self, txn: &mut Txn, who: &str, from: &[String], to: &[String]) -> Result<()> {
        let (from, to): (BTreeSet<&String>, BTreeSet<&String>) = (from.iter().collect(), to.iter().collect());
        for what in from.difference(&to) {
            txn.delete(&self.users(what).name(who));
        }
        for what in to.difference(&from) {
            txn.put(&self.users(what).name(who), &())?;
            txn.put(&self.stamp(what), &crypto::random::<8>())?;
        }
        Ok(())
    }

    /// Of a key: what it has signed for who refers to it no more is verified on for its time.
    pub fn lets_go(self, txn: &mut Txn, key: &str, now: Millis) -> Result<()> {
        let Some(found) = NamedKey::get(txn, key)?.filter(NamedKey::is_made) else { return Ok(()) };
        let until = now.plus(Duration::from_secs(found.verification_ttl));
        let before = txn.get_for_update::<Millis>(&self.lingers_at(key))?.unwrap_or_default();
        Ok(txn.put(&self.lingers_at(key), &until.max(before))?)
    }

    fn lingers_at(self, what: &str) -> Key {
        folder("lingers").plain(self.name()).name(what)
    }

    /// Whether somebody refers to it no more, and what was signed for them is still to be verified.
    pub fn lingers(self, read: &impl Read, what: &str, now: Millis) -> Result<bool> {
        Ok(read.get::<Millis>(&self.lingers_at(what))?.is_some_and(|until| now < until))
    }

    pub fn is_used(self, read: &impl Read, what: &str) -> Result<bool> {
        Ok(!read.page(&self.users(what), None, 1)?.is_empty())
    }

    /// By name, at most `limit`.
    pub fn by(self, read: &impl Read, what: &str, limit: usize) -> Result<Vec<String>> {
        Ok(read.page(&self.users(what), None, limit)?)
    }

    /// The same for a change of `what` that they would have to bear: whoever comes to refer to it meanwhile is in its way.
    pub fn relied_on_by(self, txn: &Txn, what: &str, limit: usize) -> Result<Vec<String>> {
        txn.bytes(&self.stamp(what))?;
        self.by(txn, what, limit)
    }

    /// Once it is deleted.
    pub fn forget(self, txn: &mut Txn, what: &str) {
        txn.delete(&self.stamp(what));
        txn.delete(&self.lingers_at(what));
    }
}
