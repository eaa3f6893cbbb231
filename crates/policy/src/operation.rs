//! What a request wants to do at a path.

use crate::Capability;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Create,
    Read,
    Update,
    Patch,
    Delete,
    List,
    Scan,
    /// Always allowed: help texts say nothing about what is stored.
    Help,
    Renew,
    Revoke,
    Rollback,
}

impl Operation {
    /// The capability that allows it; none for help.
    pub fn needs(self) -> Option<Capability> {
        Some(match self {
            Operation::Create => Capability::Create,
            Operation::Read => Capability::Read,
            // A lease is the server's own record of a secret: changing it is an update at the secret's path.
            Operation::Update | Operation::Renew | Operation::Revoke | Operation::Rollback => Capability::Update,
            Operation::Patch => Capability::Patch,
            Operation::Delete => Capability::Delete,
            Operation::List => Capability::List,
            Operation::Scan => Capability::Scan,
            Operation::Help => return None,
        })
    }

    /// Listing a folder: the closing slash of the path may be missing in the rule.
    pub(crate) fn lists(self) -> bool {
        matches!(self, Operation::List | Operation::Scan)
    }

    /// Whether allowed, denied and required parameters are looked at.
    pub(crate) fn checks_parameters(self) -> bool {
        matches!(self, Operation::Create | Operation::Read | Operation::Update | Operation::Patch)
    }
}
