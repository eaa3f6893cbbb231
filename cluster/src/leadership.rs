//! Who leads, as one value that can be watched.

use crate::consensus::{LogId, Member, NodeId, Timing, TypeConfig};
use openraft::Instant;
use openraft::ServerState;
use openraft::metrics::{RaftServerMetrics, SerdeInstant};
use openraft::type_config::alias::InstantOf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    pub term: u64,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody is known to lead: an election, a cut-off node, or one outside any cluster.
    Unknown,
    Follower {
        leader: Member,
    },
    Leader {
        /// It has committed and applied an entry of its own term: its state is up to date.
        ready: bool,
    },
}

impl Leadership {
    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.role, Role::Leader { ready: true })
    }
}

/// What consensus says about who leads. A leader that no quorum answers any more, by when it was last asked, counts as none: it
/// can neither commit nor read.
pub(crate) fn derive(
    id: NodeId,
    metrics: &RaftServerMetrics<TypeConfig>,
    acked: Option<SerdeInstant<InstantOf<TypeConfig>>>,
    applied: Option<&LogId>,
    timing: &Timing,
) -> Leadership {
    let leader = metrics.vote.leader_id;
    let alone = metrics.membership_config.membership().voter_ids().count() <= 1;
    let lost = acked.is_some_and(|acked| acked.elapsed() > 2 * timing.election_max);
    let role = match metrics.state {
        ServerState::Leader if lost && !alone => Role::Unknown,
        ServerState::Leader => Role::Leader { ready: applied.is_some_and(|id| id.leader_id == leader) },
        _ => match metrics.current_leader.filter(|leader| *leader != id) {
            Some(leader) => metrics
                .membership_config
                .membership()
                .get_node(&leader)
                .map_or(Role::Unknown, |member| Role::Follower { leader: member.clone() }),
            None => Role::Unknown,
        },
    };
    Leadership { term: leader.term, role }
}
