//! Changing what guards the data: the keyring, the root key's wraps. One batch on the active node, checked against what
//! it was made from.

use barrier::{InstallError, WrapError};
use storage::{Batch, Check, CommitError, RequestId, Term};
use tokio::time::Instant;

use super::Node;
use crate::pipeline::resolve;
use crate::replication::{Asker, Outcome, Role};
use crate::space;

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("Vault is sealed")]
    Sealed,
    /// Nothing was changed.
    #[error("this node is not the active one any more; nothing was changed, ask again")]
    NotActive,
    #[error("nothing was changed: {0}")]
    Unavailable(String),
    #[error("it is unknown whether anything was changed: {0}")]
    Unknown(String),
    #[error("nothing was changed: {0}")]
    Broken(String),
}

impl From<InstallError> for ChangeError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Sealed => Self::Sealed,
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<WrapError> for ChangeError {
    fn from(error: WrapError) -> Self {
        match error {
            WrapError::Sealed => Self::Sealed,
            WrapError::Seal(failure) => Self::Unavailable(format!("the root key was not wrapped: {failure}")),
        }
    }
}

impl From<storage::StoreError> for ChangeError {
    fn from(error: storage::StoreError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<storage::Access> for ChangeError {
    fn from(error: storage::Access) -> Self {
        match error {
            storage::Access::Sealed => Self::Sealed,
            other => Self::Broken(other.to_string()),
        }
    }
}

impl Node {
    /// The term that this node leads in, with the newest keyring in use.
    pub(crate) fn leading(&self) -> Result<Term, ChangeError> {
        if self.is_sealed() {
            return Err(ChangeError::Sealed);
        }
        match self.role() {
            Role::Active { term } => self.leads(term).map(|()| term).map_err(ChangeError::from),
            _ => Err(ChangeError::NotActive),
        }
    }

    /// A batch that holds only while keyring and wraps are what they are now. Call [`leading`](Self::leading) before,
    /// and hold `changing` until the batch is committed.
    pub(super) fn change(&self) -> Result<Batch, ChangeError> {
        let id = RequestId { applied: self.store.applied(), random: crypto::random() };
        let mut batch = Batch::new(id, self.replication.now());
        let snapshot = self.replication.store().snapshot()?;
        for key in [space::keyring(), space::seal_wraps(), space::seal_config()] {
            let revision = snapshot.get(&key)?.map(|stored| stored.revision);
            batch.checks.push(Check { key, revision });
        }
        // After the revisions were read: what the change is made from is what is checked, or something later, and then
        // the check fails.
        self.keyring.refresh().map_err(|e| ChangeError::from(storage::Access::from(storage::ReadError::from(e))))?;
        Ok(batch)
    }

    /// Commits the change and takes over the keyring as it then is.
    pub(super) async fn carry(&self, term: Term, batch: Batch, deadline: Instant) -> Result<(), ChangeError> {
        let done = match self.store.commit(term, batch).await {
            Ok(_) | Err(CommitError::Repeated(_)) => Ok(()),
            Err(CommitError::NotActive) => Err(ChangeError::NotActive),
            Err(CommitError::Unknown(id)) => match resolve(self, id, Asker::Itself, deadline).await {
                Outcome::Ran(_) => Ok(()),
                Outcome::NotRun => Err(ChangeError::NotActive),
                Outcome::Unknown => Err(ChangeError::Unknown(format!("leadership was lost while {id} ran"))),
            },
            Err(error) => Err(ChangeError::Unavailable(error.to_string())),
        };
        // It was changed whatever comes of this: the keyring is followed, or the node was sealed meanwhile.
        if let (Ok(()), Err(problem)) = (&done, self.keyring.refresh()) {
            tracing::warn!(%problem, "the keyring was changed, and could not be taken over at once");
        }
        done
    }
}
