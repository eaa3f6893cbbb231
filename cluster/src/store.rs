//! The cluster as a store: reads from this node's state, writes through consensus.

use std::sync::Arc;

use async_trait::async_trait;
use storage::apply::Refusal;
use storage::{Batch, CommitError, Committed, SealedSnapshot, SealedStore, StoreError, Term};
use tokio::time::Instant;

use crate::consensus::{Applied, Command};
use crate::handover::Gate;
use crate::propose::{ProposeError, propose};
use crate::shared::Shared;

pub(crate) struct Store {
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
}

#[async_trait]
impl SealedStore for Store {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        self.shared.reader.snapshot()
    }

    async fn commit(&self, term: Term, batch: Batch) -> Result<Committed, CommitError> {
        let (id, size, limit) = (batch.id, batch.size(), self.shared.max_entry_size);
        if size > limit {
            return Err(CommitError::TooLarge { size, limit });
        }
        let began = Instant::now();
        let applied = match propose(&self.shared, &self.gate, term.0, Command::batch(batch)).await {
            Ok(applied) => applied,
            Err(ProposeError::NotActive) => return Err(CommitError::NotActive),
            Err(ProposeError::Unavailable(why)) => return Err(CommitError::Unavailable(why.to_owned())),
            Err(ProposeError::Unknown) => return Err(CommitError::Unknown(id)),
        };
        metrics::counter!("vault.raft.apply").increment(1);
        metrics::histogram!("vault.raft.commitTime").record(began.elapsed().as_secs_f64() * 1000.0);
        match applied {
            Applied::Committed(committed) => Ok(committed),
            Applied::Refused(Refusal::Conflict(key)) => Err(CommitError::Conflict { key }),
            Applied::Refused(Refusal::Floor(key)) => Err(CommitError::Floor { key }),
            Applied::Repeated(ran) => Err(CommitError::Repeated(ran)),
            Applied::Copies => Err(CommitError::Unavailable(COPIES.to_owned())),
            // No batch is answered so.
            Applied::Blank
            | Applied::Loaded
            | Applied::Switched(_)
            | Applied::NotThisLoad
            | Applied::Stood(_)
            | Applied::Followed(_) => Err(CommitError::Unknown(id)),
        }
    }

    fn applied(&self) -> u64 {
        self.shared.reader.applied()
    }
}

const COPIES: &str = "this cluster is a DR secondary: its records are its primary's to change";
