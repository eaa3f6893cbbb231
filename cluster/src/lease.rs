//! What a leader may say without asking anybody.
//!
//! A quorum that has answered a leader elects nobody else for `election_max` from when it was asked; for three quarters of
//! that, since clocks run at different speeds, this node's own state is the newest there is. Two things are not in what
//! consensus publishes of itself, and are kept here: that leadership was handed over, which ends the lease at once, and how
//! far the others were told that entries are committed, since they may have shown those before they are applied here. Nor
//! may a read go back behind one that has seen entries of a group that is being applied.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::{Instant, RaftMetrics, ServerState};

use crate::consensus::{LogId, Timing, TypeConfig};

#[derive(Default)]
pub struct Lease {
    /// The last term whose leadership this node has begun to hand over.
    given_up: AtomicU64,
    /// Up to which index others know entries to be committed, by this node's word.
    told: AtomicU64,
}

impl Lease {
    pub fn length(timing: &Timing) -> Duration {
        timing.election_max * 3 / 4
    }

    /// Before the message that hands it over is sent.
    pub fn give_up(&self, term: u64) {
        self.given_up.fetch_max(term, Ordering::SeqCst);
    }

    /// Before the message that says so is sent.
    pub fn tell(&self, committed: u64) {
        self.told.fetch_max(committed, Ordering::SeqCst);
    }

    /// The index that a read which begins now has to see; `None` where a quorum has to be asked. `state` was looked up
    /// after the read began.
    pub fn index(&self, metrics: &RaftMetrics<TypeConfig>, state: &Applied, length: Duration) -> Option<u64> {
        let leader = metrics.vote.leader_id;
        let applied = state.to.filter(|applied| applied.leader_id == leader)?;
        let runs = metrics.state == ServerState::Leader
            && leader.term > self.given_up.load(Ordering::SeqCst)
            && metrics.last_quorum_acked.is_some_and(|acked| acked.elapsed() < length);
        runs.then(|| applied.index.max(state.begun).max(self.told.load(Ordering::SeqCst)))
    }

    #[cfg(test)]
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }
}

/// How far this node has applied the log.
pub struct Applied {
    pub to: Option<LogId>,
    /// The last entry of those that are being applied.
    pub begun: u64,
}

#[cfg(test)]
mod tests {
    use openraft::metrics::SerdeInstant;
    use openraft::type_config::alias::InstantOf;
    use tokio::time::advance;

    use super::*;
    use crate::consensus::{LeaderId, Vote};

    const LENGTH: Duration = Duration::from_millis(750);

    fn leader(term: u64) -> LeaderId {
        LeaderId { term, node_id: 1 }
    }

    fn applied(term: u64, index: u64) -> Applied {
        Applied { to: Some(LogId { leader_id: leader(term), index }), begun: index }
    }

    /// Of a leader in its second term, which a quorum has just answered.
    fn metrics() -> RaftMetrics<TypeConfig> {
        let mut metrics = RaftMetrics::new_initial(1);
        metrics.state = ServerState::Leader;
        metrics.vote = Vote::new_committed(2, 1);
        metrics.last_quorum_acked = Some(SerdeInstant::new(InstantOf::<TypeConfig>::now()));
        metrics
    }

    #[tokio::test(start_paused = true)]
    async fn it_runs_from_when_a_quorum_was_asked_and_no_longer() {
        let (lease, metrics) = (Lease::default(), metrics());
        let index = |length| lease.index(&metrics, &applied(2, 7), length);
        assert_eq!(index(LENGTH), Some(7));
        advance(LENGTH - Duration::from_millis(1)).await;
        assert_eq!(index(LENGTH), Some(7));
        advance(Duration::from_millis(1)).await;
        assert_eq!(index(LENGTH), None);
    }

    #[tokio::test]
    async fn it_is_a_leader_s_whose_state_is_up_to_date() {
        let (lease, mut metrics) = (Lease::default(), metrics());
        assert_eq!(lease.index(&metrics, &applied(1, 7), LENGTH), None, "only what a former leader wrote");
        assert_eq!(lease.index(&metrics, &Applied { to: None, begun: 7 }, LENGTH), None);
        metrics.state = ServerState::Follower;
        assert_eq!(lease.index(&metrics, &applied(2, 7), LENGTH), None);
        metrics.state = ServerState::Leader;
        metrics.last_quorum_acked = None;
        assert_eq!(lease.index(&metrics, &applied(2, 7), LENGTH), None);
    }

    #[tokio::test]
    async fn it_ends_when_leadership_is_handed_over_and_a_later_term_has_another() {
        let (lease, mut metrics) = (Lease::default(), metrics());
        lease.give_up(2);
        assert_eq!(lease.index(&metrics, &applied(2, 7), LENGTH), None);
        metrics.vote = Vote::new_committed(3, 1);
        assert_eq!(lease.index(&metrics, &applied(3, 9), LENGTH), Some(9));
    }

    /// A follower may show an entry before its leader has applied it; a later read at the leader must not go back.
    #[tokio::test]
    async fn a_read_sees_what_others_were_told() {
        let (lease, metrics) = (Lease::default(), metrics());
        lease.tell(9);
        lease.tell(8);
        assert_eq!(lease.index(&metrics, &applied(2, 7), LENGTH), Some(9));
        let of_a_group = Applied { begun: 12, ..applied(2, 10) };
        assert_eq!(lease.index(&metrics, &of_a_group, LENGTH), Some(12));
    }
}
