//! Giving leadership to a node of our choice, instead of leaving it to an election.
//!
//! Consensus never takes a transfer back: one to a node that cannot take over means no writes until the next election. So
//! this node first takes no more writes, waits until a target has all of them and has answered just now, and only then
//! hands over.

use std::mem::replace;
use std::sync::Arc;
use std::time::Duration;

use openraft::RaftMetrics;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::consensus::{NodeId, TypeConfig};
use crate::shared::Shared;

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TransferError {
    #[error("this node does not lead")]
    NotLeader,
    #[error("no other unsealed voter is up to date and answers")]
    NoTarget,
    #[error("no other node has taken over in time")]
    NotTaken,
    #[error("this node has stopped")]
    Stopped,
}

/// Closed while leadership is being handed over: nothing new is written then, and what wants to be waits.
#[derive(Default)]
pub(crate) struct Gate {
    closed: watch::Sender<bool>,
}

impl Gate {
    /// Returns at once if it is open; else when it opens again or another node has taken over, whichever is first. A
    /// handover has a bound, and so has this.
    pub async fn passed(&self, shared: &Shared) {
        let (mut closed, mut leadership) = (self.closed.subscribe(), shared.leadership.subscribe());
        if *closed.borrow() {
            tokio::select! {
                _ = closed.wait_for(|closed| !closed) => {}
                _ = leadership.wait_for(|now| !now.leads()) => {}
            }
        }
    }

    fn close(&self) -> Option<Closed<'_>> {
        self.closed.send_if_modified(|closed| !replace(closed, true)).then_some(Closed(self))
    }
}

struct Closed<'a>(&'a Gate);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.closed.send_replace(false);
    }
}

pub(crate) struct Handover {
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
}

impl Handover {
    /// To the unsealed voter that is furthest, as soon as one has everything.
    pub async fn transfer(&self, deadline: Instant) -> Result<(), TransferError> {
        let shared = &self.shared;
        if !shared.leadership.borrow().leads() {
            return Err(TransferError::NotLeader);
        }
        if shared.membership().membership().voter_ids().all(|id| id == shared.id) {
            return Err(TransferError::NoTarget);
        }
        let _closed = self.gate.close().ok_or(TransferError::NotTaken)?;
        let timing = *shared.local.timing();
        let patience = deadline.min(Instant::now() + 2 * timing.election_max + CATCH_UP);
        let target = loop {
            match choose(&self.candidates(&shared.metrics())) {
                Some(target) => break target,
                None if Instant::now() >= patience => return Err(TransferError::NoTarget),
                None => sleep(timing.heartbeat / 4).await,
            }
        };
        tracing::info!(target = %format_args!("{target:016x}"), "leadership is handed over");
        if !shared.transfer(target).await {
            return Err(TransferError::Stopped);
        }
        let mut leadership = shared.leadership.subscribe();
        let taken = deadline.min(Instant::now() + 2 * timing.election_max + Duration::from_millis(200));
        match timeout_at(taken, leadership.wait_for(|now| !now.leads())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(TransferError::Stopped),
            Err(_) => Err(TransferError::NotTaken),
        }
    }

    pub fn candidates(&self, metrics: &RaftMetrics<TypeConfig>) -> Vec<Candidate> {
        let fresh = 2 * self.shared.local.timing().heartbeat + FRESH;
        let (Some(replication), Some(last)) = (&metrics.replication, metrics.last_log_index) else { return Vec::new() };
        let membership = metrics.membership_config.membership();
        let stays = |id: &NodeId| membership.get_node(id).is_some_and(|member| !member.non_voter);
        let voters = membership.voter_ids().filter(|id| *id != self.shared.id && stays(id));
        let candidate = |id: NodeId| {
            let matched = replication.get(&id).copied().flatten().map(|id| id.index);
            let report = self.shared.reports.of(id);
            Candidate {
                id,
                complete: matched == Some(last),
                answers: report.as_ref().is_some_and(|report| report.at.elapsed() <= fresh),
                sealed: report.as_ref().is_none_or(|report| report.sealed),
                unfit: report.is_some_and(|report| report.unfit || report.full),
            }
        };
        voters.map(candidate).collect()
    }
}

/// What decides whether a voter can take over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub id: NodeId,
    /// Has every entry of the leader's log.
    pub complete: bool,
    pub answers: bool,
    pub sealed: bool,
    pub unfit: bool,
}

pub(crate) fn choose(candidates: &[Candidate]) -> Option<NodeId> {
    candidates.iter().find(|c| c.complete && c.can_lead()).map(|c| c.id)
}

impl Candidate {
    /// Once it is complete.
    pub fn can_lead(&self) -> bool {
        self.answers && !self.sealed && !self.unfit
    }
}

/// How long writes may stay shut for a target to catch up.
const CATCH_UP: Duration = Duration::from_secs(2);
/// What an answer may be late by, on top of two heartbeats.
const FRESH: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unsealed_complete_voter_that_answers_takes_over() {
        let good = Candidate { id: 1, complete: true, answers: true, sealed: false, unfit: false };
        assert_eq!(choose(&[Candidate { id: 2, sealed: true, ..good }, good]), Some(1));
        assert_eq!(choose(&[Candidate { sealed: true, ..good }]), None);
        assert_eq!(choose(&[Candidate { unfit: true, ..good }]), None);
        assert_eq!(choose(&[Candidate { complete: false, ..good }]), None);
        assert_eq!(choose(&[Candidate { answers: false, ..good }]), None);
    }
}
