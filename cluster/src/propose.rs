//! Putting an entry into the log, in one term of this node's leadership, and waiting for what becomes of it.
//!
//! What a group of entries costs three nodes (messages, syncs, threads that are woken) is many times what an entry costs. So
//! entries go to consensus in groups: while one is on its way to being committed, the next gathers.
//!
//! ```text
//! proposals ──► queue ──(the group before is committed, or PATIENCE is over)──► consensus ──► log, followers ──► apply
//! ```

use std::time::Duration;

use openraft::errors::{ClientWriteError, ForwardReason};
use openraft::raft::ClientWriteResult;
use openraft::raft::responder::ProgressResponder;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::consensus::{Applied, Command, LeaderId, LogId, Raft, Timing, TypeConfig};
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
    let leader = LeaderId { term, node_id: shared.id };
    let refused = match shared.proposals.put(leader, command, shared.local.timing()).await? {
        Ok(applied) => return Ok(applied),
        Err(refused) => refused,
    };
    Err(match refused {
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
    })
}

/// The way into consensus.
pub(crate) struct Proposals(mpsc::Sender<Proposal>);

struct Proposal {
    leader: LeaderId,
    command: Command,
    responder: Responder,
    committed: oneshot::Receiver<LogId>,
}

type Responder = ProgressResponder<TypeConfig, ClientWriteResult<TypeConfig>>;

impl Proposals {
    pub fn start(raft: Raft, runtime: &Handle) -> Self {
        let (queue, proposals) = mpsc::channel(QUEUE);
        runtime.spawn(pass_on(raft, proposals));
        Self(queue)
    }

    /// What became of the entry, or why consensus did not append it.
    pub async fn put(
        &self,
        leader: LeaderId,
        command: Command,
        timing: &Timing,
    ) -> Result<Result<Applied, ForwardReason>, ProposeError> {
        let patience = Instant::now() + 2 * timing.election_max;
        loop {
            match self.put_once(leader, command.clone()).await? {
                // Where all processors were busy for a moment, followers that are there have not answered for as long.
                Err(ForwardReason::LeaseExpired) if Instant::now() < patience => sleep(timing.heartbeat / 2).await,
                outcome => return Ok(outcome),
            }
        }
    }

    async fn put_once(
        &self,
        leader: LeaderId,
        command: Command,
    ) -> Result<Result<Applied, ForwardReason>, ProposeError> {
        let (responder, committed, answer) = ProgressResponder::new();
        if self.0.send(Proposal { leader, command, responder, committed }).await.is_err() {
            return Err(ProposeError::Unavailable("this node has stopped"));
        }
        match timeout(COMMIT, answer).await {
            Ok(Ok(Ok(response))) => Ok(Ok(response.data)),
            // Consensus answers so only before it appends.
            Ok(Ok(Err(ClientWriteError::ForwardToLeader(to)))) => Ok(Err(to.reason)),
            // The entry was appended and then cut off or purged, which does not tell whether it committed.
            _ => Err(ProposeError::Unknown),
        }
    }
}

/// Until consensus stops, or nobody can propose any more.
async fn pass_on(raft: Raft, mut proposals: mpsc::Receiver<Proposal>) {
    let mut group = Vec::new();
    while proposals.recv_many(&mut group, QUEUE).await > 0 {
        let mut last = None;
        for Proposal { leader, command, responder, committed } in group.drain(..) {
            if raft.write(command).with_leader(leader).responder(responder).await.is_err() {
                return;
            }
            last = Some(committed);
        }
        if let Some(committed) = last {
            // One that was refused tells so by dropping the sender.
            timeout(PATIENCE, committed).await.ok();
        }
    }
}

/// How many wait for the group before.
const QUEUE: usize = 1024;
/// For no longer than this does a group wait for the one before: between nodes far apart several are on their way at once, and
/// where no quorum answers each is told so.
const PATIENCE: Duration = Duration::from_millis(50);
/// After so long without a word the caller is told that nobody knows.
const COMMIT: Duration = Duration::from_secs(90);
