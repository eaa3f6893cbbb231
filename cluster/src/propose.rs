//! Putting an entry into the log, in one term of this node's leadership, and waiting for what becomes of it.

use std::time::Duration;

use openraft::errors::{ClientWriteError, ForwardReason};
use openraft::raft::responder::ProgressResponder;
use tokio::time::timeout;

use crate::consensus::{Applied, Command, LeaderId};
use crate::fitness::no_room;
use crate::handover::Gate;
use crate::shared::Shared;

pub(crate) enum ProposeError {
    /// Surely not applied: this node does not lead in that term.
    NotActive,
    /// Surely not applied, for another reason.
    Unavailable(&'static str),
    /// It may still be applied.
    Unknown,
}

pub(crate) async fn propose(
    shared: &Shared,
    gate: &Gate,
    term: u64,
    command: Command,
) -> Result<Applied, ProposeError> {
    gate.passed(shared).await;
    // A cluster that has to give way does so in any case.
    if let Some(why) = no_room(shared).filter(|_| !matches!(command, Command::Stand(_))) {
        return Err(ProposeError::Unavailable(why));
    }
    let (responder, answer) = ProgressResponder::complete_only();
    let leader = LeaderId { term, node_id: shared.id };
    let write = shared.raft.write(command).with_leader(leader).responder(responder);
    if write.await.is_err() {
        // It never reached consensus.
        return Err(ProposeError::Unavailable("this node has stopped"));
    }
    match timeout(COMMIT, answer).await {
        Ok(Ok(Ok(response))) => Ok(response.data),
        // Consensus answers so only before it appends.
        Ok(Ok(Err(ClientWriteError::ForwardToLeader(to)))) => Err(match to.reason {
            ForwardReason::NotLeader => ProposeError::NotActive,
            // It came past the gate just before that was closed.
            ForwardReason::LeadershipTransfer => {
                gate.passed(shared).await;
                match shared.leadership.borrow().leads() {
                    false => ProposeError::NotActive,
                    true => ProposeError::Unavailable("leadership could not be handed over"),
                }
            }
            ForwardReason::LeaseExpired => ProposeError::Unavailable("too few nodes answer"),
        }),
        // The entry was appended and then cut off or purged, which does not tell whether it committed.
        _ => Err(ProposeError::Unknown),
    }
}

/// After so long without a word the caller is told that nobody knows.
const COMMIT: Duration = Duration::from_secs(90);
