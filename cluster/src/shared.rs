//! What every part of a node works with.

use std::sync::Arc;
use std::time::Duration;

use openraft::RaftMetrics;
use openraft::rt::WatchReceiver;
use parking_lot::Mutex;
use proto::cluster as pb;
use storage::{Millis, Revision};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::consensus::{LogId, Member, Membership, NodeId, Raft, StoredMembership, TypeConfig};
use crate::identity::{Pins, node_id};
use crate::leadership::{Leadership, Role};
use crate::lease::{Applied, Lease};
use crate::machine::StateReader;
use crate::membership::Vouched;
use crate::network::{Link, Local, Peers, Reports, member_out};
use crate::propose::Proposals;
use crate::time;

pub(crate) struct Shared {
    pub id: NodeId,
    pub raft: Raft,
    pub proposals: Proposals,
    pub reader: StateReader,
    pub local: Arc<Local>,
    pub pins: Arc<Pins>,
    pub peers: Arc<Peers>,
    /// The lanes to the nodes of other clusters.
    pub abroad: Arc<Peers>,
    pub reports: Arc<Reports>,
    pub vouched: Arc<Vouched>,
    /// Held while this node changes the membership.
    pub changing: tokio::sync::Mutex<()>,
    /// Held while this node judges whether a vote can be spared, and takes it.
    pub leaving: tokio::sync::Mutex<()>,
    pub leadership: watch::Sender<Leadership>,
    /// The term in which this node, as leader, knows that no other cluster has taken this one's place; zero as soon as it may have
    /// missed that.
    pub cleared: watch::Sender<u64>,
    /// Why this node has stopped, if its state is not that of the others.
    pub diverged: watch::Sender<Option<Arc<str>>>,
    /// Where this node's own tasks run; never a caller's.
    pub runtime: Handle,
    /// What the majority's clock was, and when.
    pub majority: Mutex<Option<(Instant, Millis)>>,
    pub max_entry_size: usize,
    pub read_index_only: bool,
}

/// How long the majority's clock is reckoned from the last look at it.
const MAJORITY_KEPT: Duration = Duration::from_millis(10);

/// Who leads, and in which term, seen by somebody who wants something of the leader.
pub(crate) enum Leader {
    Myself { term: u64 },
    Other { term: u64, link: Arc<Link> },
}

impl Shared {
    pub fn metrics(&self) -> RaftMetrics<TypeConfig> {
        self.raft.metrics().borrow_watched().clone()
    }

    /// Up to which index the cluster has committed, as far as this node was told.
    pub fn committed(&self) -> u64 {
        self.raft.metrics().borrow_watched().cluster_committed.map_or(0, |id| id.index)
    }

    /// The newest membership in the log, committed or not.
    pub fn membership(&self) -> Arc<StoredMembership> {
        self.raft.server_metrics().borrow_watched().membership_config.clone()
    }

    /// The members as other clusters are told of them.
    pub fn members_out(&self) -> Vec<pb::Member> {
        members(self.membership().membership()).iter().map(|(id, member)| member_out(*id, member)).collect()
    }

    /// Has consensus hand leadership over to that node; never taken back. Whether it has not stopped.
    pub async fn transfer(&self, target: NodeId) -> bool {
        let term = self.raft.metrics().borrow_watched().vote.leader_id.term;
        self.local.lease.give_up(term);
        self.raft.trigger().transfer_leader(target).await.is_ok()
    }

    /// The index that a read which begins now has to see, if this node knows by its lease.
    pub fn index_under_lease(&self) -> Option<u64> {
        // A node that was removed, or whose state is wrong, leads nobody, whatever consensus says.
        if !self.leadership.borrow().is_ready() {
            return None;
        }
        let state = Applied { to: self.applied(), begun: self.reader.begun() };
        let length = Lease::length(self.local.timing());
        self.local.lease.index(&self.raft.metrics().borrow_watched(), &state, length)
    }

    /// Where the state stands in its history.
    pub fn moment(&self) -> (Revision, [u8; 32]) {
        let position = self.reader.position();
        let position = position.borrow();
        (position.revision, position.fingerprint)
    }

    /// Waits for somebody to lead; None when the deadline passes before.
    pub async fn leader(&self, deadline: Instant) -> Option<Leader> {
        let mut watching = self.leadership.subscribe();
        loop {
            let now = watching.borrow_and_update().clone();
            match now.role {
                Role::Leader { .. } => return Some(Leader::Myself { term: now.term }),
                Role::Follower { leader } => {
                    if let Ok(link) = self.peers.link(node_id(&leader.key), &leader) {
                        return Some(Leader::Other { term: now.term, link });
                    }
                }
                Role::Unknown => {}
            }
            timeout_at(deadline, watching.changed()).await.ok()?.ok()?;
        }
    }

    /// Lets go of the watch before it answers: whoever holds it and looks again waits for a writer that waits for both.
    pub fn leads(&self) -> bool {
        self.leadership.borrow().leads()
    }

    /// The cluster's time: see [`time`]. It stands still while the leader's clock cannot be trusted.
    pub fn now(&self) -> Millis {
        let state = self.reader.position().borrow().time;
        let wall = time::wall();
        let now = match self.majority_if_ready() {
            None => time::now(state, wall, self.local.clock.told().unwrap_or_default()),
            Some(majority) if self.agrees(wall, Some(majority)) => time::now(state, wall, majority),
            Some(_) => state,
        };
        self.local.clock.reach(now)
    }

    /// Whether the clocks agree well enough for anything to expire.
    pub fn clock_is_steady(&self) -> bool {
        self.agrees(time::wall(), self.majority_if_ready())
    }

    fn agrees(&self, wall: Millis, majority: Option<Millis>) -> bool {
        time::is_steady(self.local.clock.drift(), wall, majority)
    }

    /// Until it is ready a leader has not heard enough of the others.
    fn majority_if_ready(&self) -> Option<Millis> {
        let ready = self.leadership.borrow().is_ready();
        ready.then(|| self.majority_clock())
    }

    /// Looked up anew every [`MAJORITY_KEPT`]: all clocks of it go on with this node's own.
    fn majority_clock(&self) -> Millis {
        let mut kept = self.majority.lock();
        let looked_up = kept.filter(|(at, _)| at.elapsed() < MAJORITY_KEPT);
        let (at, majority) = *kept.insert(looked_up.unwrap_or_else(|| (Instant::now(), self.look_up_majority())));
        Millis(majority.0 + u64::try_from(at.elapsed().as_millis()).unwrap_or_default())
    }

    fn look_up_majority(&self) -> Millis {
        let membership = self.membership();
        let clock = |id: NodeId| {
            if id == self.id { Some(time::wall()) } else { self.reports.of(id).map(|report| report.clock_now()) }
        };
        time::majority_clock(membership.membership().voter_ids().map(clock))
    }

    pub fn applied(&self) -> Option<LogId> {
        self.reader.position().borrow().applied
    }
}

pub(crate) fn members(membership: &Membership) -> Vec<(NodeId, Member)> {
    membership.nodes().map(|(id, member)| (*id, member.clone())).collect()
}

pub(crate) fn is_voter(membership: &Membership, id: NodeId) -> bool {
    membership.voter_ids().any(|voter| voter == id)
}

/// While the voters change, as before: a newcomer does not count everywhere yet, and who leaves is still needed.
pub(crate) fn votes(membership: &Membership, id: NodeId) -> bool {
    membership.get_joint_config().first().is_some_and(|config| config.contains(&id))
}

/// How long from now, in the wire's unit.
pub(crate) fn within_ms(deadline: Instant) -> u32 {
    u32::try_from(deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u32::MAX)
}
