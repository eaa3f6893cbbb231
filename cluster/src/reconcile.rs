//! What a leader does about the members by itself, one change at a time: it finishes what its predecessor could not, and
//! brings votes and addresses in line with what is wished and said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::{ChangeMembers, RaftMetrics};
use tokio::time::Instant;

use crate::autopilot::Autopilot;
use crate::change::{remaining, try_submit};
use crate::consensus::{Member, Membership, NodeId, TypeConfig};
use crate::shared::{Shared, is_voter, members};

pub(crate) struct Reconcile {
    pub shared: Arc<Shared>,
    pub autopilot: Arc<Autopilot>,
}

impl Reconcile {
    /// As leader. Another change is looked for the next time.
    pub async fn once(&self, metrics: &RaftMetrics<TypeConfig>) {
        let shared = &self.shared;
        if !shared.leadership.borrow().is_ready() {
            return;
        }
        let Some((what, change)) = self.wanted(metrics) else { return };
        match try_submit(shared, change, Instant::now() + CHANGE).await {
            Ok(()) => {
                let voters = names(shared.membership().membership());
                tracing::info!(?voters, "{what}");
            }
            Err(error) => tracing::debug!(%error, what, "the members cannot be changed yet"),
        }
    }

    fn wanted(&self, metrics: &RaftMetrics<TypeConfig>) -> Option<(&'static str, ChangeMembers<NodeId, Member>)> {
        let shared = &self.shared;
        let membership = metrics.membership_config.membership();
        if membership.get_joint_config().len() > 1 {
            // Until it is finished, such a change asks for a majority of the old voters and of the new ones.
            return Some(("a change of the voters is finished", ChangeMembers::AddVoterIds(BTreeSet::new())));
        }
        if let Some(id) = self.unwilling(membership) {
            return Some(("a voter that is to be none has lost its vote", ChangeMembers::RemoveVoters([id].into())));
        }
        if let Some((id, member)) = moved(shared, membership) {
            tracing::info!(
                node = member.name,
                address = member.address,
                api = member.api_address,
                "a member has moved"
            );
            return Some(("its new address is noted", ChangeMembers::SetNodes(BTreeMap::from([(id, member)]))));
        }
        let id = self.ready(metrics, membership)?;
        Some(("a member has got its vote", ChangeMembers::AddVoterIds([id].into())))
    }

    /// A voter that was to lose its vote when its leader was lost.
    fn unwilling(&self, membership: &Membership) -> Option<NodeId> {
        let wishes = |id: &NodeId| membership.get_node(id).is_some_and(|member| member.non_voter);
        let answers = |voter| voter == self.shared.id || self.answers(voter);
        let spared = |id: &NodeId| remaining(membership, *id, answers).is_ok();
        membership.voter_ids().filter(|id| *id != self.shared.id && wishes(id)).find(spared)
    }

    /// A learner that has caught up, answers, and has been well for long enough.
    fn ready(&self, metrics: &RaftMetrics<TypeConfig>, membership: &Membership) -> Option<NodeId> {
        let (replication, last) = (metrics.replication.as_ref()?, metrics.last_log_index?);
        let complete = |id: &NodeId| {
            let matched = replication.get(id).copied().flatten().map(|id| id.index);
            self.answers(*id) && matched.is_some_and(|matched| matched + LAG >= last)
        };
        let wants = |id: &NodeId| membership.get_node(id).is_some_and(|member| !member.non_voter);
        membership.learner_ids().filter(wants).find(|id| complete(id) && self.autopilot.is_steady(*id))
    }

    fn answers(&self, id: NodeId) -> bool {
        let fresh = 4 * self.shared.local.timing().heartbeat + FRESH;
        self.shared.reports.within(fresh, id).is_some()
    }
}

/// Whether this leader should be none: it has lost its vote, or is to lose it.
pub(crate) fn should_not_lead(shared: &Shared, membership: &Membership) -> bool {
    let wishes = membership.get_node(&shared.id).is_some_and(|member| member.non_voter);
    wishes || !is_voter(membership, shared.id)
}

/// A member that says it is somewhere else than the log says, where nobody else is.
fn moved(shared: &Shared, membership: &Membership) -> Option<(NodeId, Member)> {
    let stored = shared.membership();
    shared.vouched.says(shared.id, shared.local.member.clone(), &stored);
    shared.vouched.moves(&stored).into_iter().find(|(id, member)| {
        let taken =
            members(membership).into_iter().any(|(other, known)| other != *id && known.address == member.address);
        if taken {
            tracing::debug!(node = member.name, address = member.address, "it says it is where another member is");
        }
        !taken
    })
}

fn names(membership: &Membership) -> Vec<String> {
    membership.voter_ids().filter_map(|id| membership.get_node(&id)).map(|member| member.name.clone()).collect()
}

/// How many entries a learner may lack to become a voter.
const LAG: u64 = 1000;
const FRESH: Duration = Duration::from_millis(100);
const CHANGE: Duration = Duration::from_secs(5);
