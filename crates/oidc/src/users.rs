//! Who refers to what: so that nothing is deleted that something else needs.
//!
//! ```text
//! oidc / user / kind / what / who
//! oidc / used / kind / what          written with each new reference: a deletion relies on it
//! ```

use std::collections::BTreeSet;

use sdk::{Key, Read, Result, Txn};

use crate::folder;

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
    }
}
