//! The cluster as a store: reads from this node's state, writes through consensus.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use openraft::errors::{ClientWriteError, ForwardReason};
use openraft::raft::responder::ProgressResponder;
use storage::apply::Refusal;
use storage::{Batch, CommitError, Committed, SealedSnapshot, SealedStore, StoreError, Term};
use tokio::time::{Instant, timeout};

use crate::consensus::{Applied, Command, LeaderId};
use crate::handover::Gate;
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
        self.gate.passed(&self.shared).await;
        let began = Instant::now();
        let (responder, answer) = ProgressResponder::complete_only();
        let leader = LeaderId { term: term.0, node_id: self.shared.id };
        let write = self.shared.raft.write(Command::batch(batch)).with_leader(leader).responder(responder);
        if write.await.is_err() {
            // It never reached consensus.
            return Err(CommitError::Unavailable("this node has stopped".to_owned()));
        }
        let applied = match timeout(COMMIT, answer).await {
            Ok(Ok(Ok(response))) => response.data,
            // Consensus answers so only before it appends.
            Ok(Ok(Err(ClientWriteError::ForwardToLeader(to)))) => {
                return Err(match to.reason {
                    ForwardReason::NotLeader => CommitError::NotActive,
                    // It came past the gate just before that was closed.
                    ForwardReason::LeadershipTransfer => {
                        self.gate.passed(&self.shared).await;
                        match self.shared.leadership.borrow().leads() {
                            false => CommitError::NotActive,
                            true => CommitError::Unavailable("leadership could not be handed over".to_owned()),
                        }
                    }
                    ForwardReason::LeaseExpired => CommitError::Unavailable("too few nodes answer".to_owned()),
                });
            }
            // The entry was appended and then cut off or purged, which does not tell whether it committed.
            _ => return Err(CommitError::Unknown(id)),
        };
        metrics::counter!("vault.raft.apply").increment(1);
        metrics::histogram!("vault.raft.commitTime").record(began.elapsed().as_secs_f64() * 1000.0);
        match applied {
            Applied::Committed(committed) => Ok(committed),
            Applied::Refused(Refusal::Conflict(key)) => Err(CommitError::Conflict { key }),
            Applied::Refused(Refusal::Floor(key)) => Err(CommitError::Floor { key }),
            Applied::Repeated(outcome) => Err(CommitError::Repeated { outcome }),
            // Only blank entries and memberships answer so; this was a batch.
            Applied::Blank => Err(CommitError::Unknown(id)),
        }
    }

    fn applied(&self) -> u64 {
        self.shared.reader.applied()
    }
}

/// After so long without a word the caller is told that nobody knows.
const COMMIT: Duration = Duration::from_secs(90);
