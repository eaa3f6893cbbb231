//! Changing who is a member and who votes, one step of joint consensus at a time.
//!
//! ```text
//! leave, stays:  wish (no vote) + fewer voters ── joint ── uniform
//! leave:         the same, and then out of the members
//! ```
//!
//! Whatever is interrupted leaves a member without a vote that stays so: a next leader takes no half-made removal back.
//! A leader that is to go hands over first, and then asks its successor for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use proto::cluster as pb;
use proto::cluster::leave_answer::Kind;
use tokio::time::{Instant, sleep, timeout_at};

use crate::campaign::Campaign;
use crate::consensus::{Member, Membership, NodeId};
use crate::handover::Handover;
use crate::membership;
use crate::network::{CallError, Lane, Left, Link};
use crate::shared::{Leader, Shared, is_voter, within_ms};

/// What may be done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    Remove,
    /// It gets a vote as soon as it is complete and stable.
    Promote,
    /// It loses its vote, and stays without.
    Demote,
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChangeError {
    #[error("no member has this id")]
    NoMember,
    #[error("{0:?} is the only voter, and a cluster needs one")]
    LastVoter(String),
    #[error(
        "without {name:?} there are {left} voters, and {answering} of them answer: that is no majority, so nothing could be \
         written any more"
    )]
    NoQuorum { name: String, left: usize, answering: usize },
    #[error("leadership could not be handed over first: {0}")]
    NotHandedOver(String),
    /// Said by the next leader.
    #[error("{0}")]
    Refused(String),
    #[error("this node does not lead")]
    NotLeader,
    #[error("another change of the membership is under way")]
    InProgress,
    #[error("it is unknown whether the members have changed: {0}")]
    Unknown(String),
}

pub(crate) struct Changes {
    pub shared: Arc<Shared>,
    pub handover: Arc<Handover>,
    pub campaign: Arc<Campaign>,
}

impl Changes {
    /// On the leader, which may be the one that is to be changed.
    pub async fn change(&self, id: NodeId, change: MemberChange, deadline: Instant) -> Result<(), ChangeError> {
        match change {
            MemberChange::Promote => promote(&self.shared, id, deadline).await,
            MemberChange::Remove | MemberChange::Demote => {
                let stays = change == MemberChange::Demote;
                if id != self.shared.id {
                    return leave(&self.shared, id, stays, deadline).await;
                }
                // The successor would refuse the same.
                may_leave(&self.shared, id, deadline).await?;
                if is_voter(self.shared.membership().membership(), id) {
                    self.hand_over(deadline).await?;
                }
                self.ask_to_leave(stays, deadline).await
            }
        }
    }

    async fn hand_over(&self, deadline: Instant) -> Result<(), ChangeError> {
        if !self.shared.leadership.borrow().is_ready() {
            return Err(ChangeError::NotLeader);
        }
        self.campaign.abstain();
        let handed = self.handover.transfer(deadline).await;
        handed.map_err(|error| {
            self.campaign.resume();
            ChangeError::NotHandedOver(error.to_string())
        })
    }

    /// Asks whoever leads now to change this node. Asked again, it is done once.
    async fn ask_to_leave(&self, stays: bool, deadline: Instant) -> Result<(), ChangeError> {
        let mut last = ChangeError::NotLeader;
        while Instant::now() < deadline {
            match self.shared.leader(deadline).await {
                Some(Leader::Other { link, .. }) => match self.ask(&link, stays, deadline).await {
                    Ok(Left::Done) => return Ok(()),
                    Ok(Left::Refused(why)) => return Err(ChangeError::Refused(why)),
                    Ok(Left::Unknown(why)) => return Err(ChangeError::Unknown(why)),
                    Ok(Left::NotLeader) => {}
                    // What was asked before has happened.
                    Err(_) if *self.shared.peers.removed().borrow() => return Ok(()),
                    Err(error) => last = ChangeError::Unknown(error.to_string()),
                },
                // Elected again, against its will: there was nobody else.
                Some(Leader::Myself { .. }) => return Err(ChangeError::NotHandedOver("it has come back".to_owned())),
                None => break,
            }
            sleep(RETRY).await;
        }
        Err(last)
    }

    async fn ask(&self, link: &Link, stays: bool, deadline: Instant) -> Result<Left, CallError> {
        let request =
            pb::LeaveRequest { terms: Some(self.shared.local.terms()), stays, within_ms: within_ms(deadline) };
        let answer = match timeout_at(deadline, link.peer(Lane::Control).leave(request)).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(self.shared.peers.failed(link, &status)),
            Err(_) => return Ok(Left::Unknown("the leader has not answered in time".to_owned())),
        };
        Ok(match Kind::try_from(answer.kind) {
            Ok(Kind::Done) => Left::Done,
            Ok(Kind::NotLeader) => Left::NotLeader,
            Ok(Kind::Refused) => Left::Refused(answer.reason),
            Ok(Kind::Unknown | Kind::Unspecified) | Err(_) => Left::Unknown(answer.reason),
        })
    }
}

/// As leader: takes another member's vote and, unless it stays, the member.
pub(crate) async fn leave(shared: &Shared, id: NodeId, stays: bool, deadline: Instant) -> Result<(), ChangeError> {
    // One at a time from the judgement on: two that are judged alone may be too many together.
    let Ok(_judged) = timeout_at(deadline, shared.leaving.lock()).await else { return Err(ChangeError::InProgress) };
    let member = may_leave(shared, id, deadline).await?;
    let mut begun = false;
    if is_voter(shared.membership().membership(), id) || (stays && !member.non_voter) {
        let wish = ChangeMembers::SetNodes(BTreeMap::from([(id, Member { non_voter: true, ..member })]));
        let voters = ChangeMembers::RemoveVoters(BTreeSet::from([id]));
        submit(shared, ChangeMembers::Batch(vec![wish, voters]), deadline).await?;
        begun = true;
    }
    if stays {
        return Ok(());
    }
    let gone = submit(shared, ChangeMembers::RemoveNodes(BTreeSet::from([id])), deadline).await;
    gone.map_err(|error| match begun {
        true => ChangeError::Unknown(format!("its vote is taken, and it is a member still: {error}")),
        false => error,
    })
}

async fn promote(shared: &Shared, id: NodeId, deadline: Instant) -> Result<(), ChangeError> {
    let member = find(shared.membership().membership(), id)?;
    if !member.non_voter {
        return Ok(());
    }
    let wish = BTreeMap::from([(id, Member { non_voter: false, ..member })]);
    submit(shared, ChangeMembers::SetNodes(wish), deadline).await
}

fn find(membership: &Membership, id: NodeId) -> Result<Member, ChangeError> {
    membership.get_node(&id).cloned().ok_or(ChangeError::NoMember)
}

/// Whether the cluster goes on without that vote. Only an answer to what is asked from now on counts: the last one of a
/// node that was lost a moment ago may be on its way.
async fn may_leave(shared: &Shared, id: NodeId, deadline: Instant) -> Result<Member, ChangeError> {
    let begun = std::time::Instant::now();
    let patience = deadline.min(Instant::now() + 4 * shared.local.timing().election_max);
    loop {
        // Only a leader hears who answers.
        if !shared.leadership.borrow().is_ready() {
            return Err(ChangeError::NotLeader);
        }
        let membership = shared.membership();
        let member = find(membership.membership(), id)?;
        if !is_voter(membership.membership(), id) {
            return Ok(member);
        }
        let answers = |voter| voter == shared.id || shared.reports.of(voter).is_some_and(|report| report.asked > begun);
        match remaining(membership.membership(), id, answers) {
            Ok(()) => return Ok(member),
            Err(ChangeError::NoQuorum { .. }) if Instant::now() < patience => sleep(RETRY).await,
            Err(refused) => return Err(refused),
        }
    }
}

/// Of the voters that would remain, those that answer must be a majority.
pub(crate) fn remaining(
    membership: &Membership,
    without: NodeId,
    answers: impl Fn(NodeId) -> bool,
) -> Result<(), ChangeError> {
    let name = || membership.get_node(&without).map(|member| member.name.clone()).unwrap_or_default();
    let left: Vec<NodeId> = membership.voter_ids().filter(|id| *id != without).collect();
    if left.is_empty() {
        return Err(ChangeError::LastVoter(name()));
    }
    let answering = left.iter().filter(|id| answers(**id)).count();
    if 2 * answering <= left.len() {
        return Err(ChangeError::NoQuorum { name: name(), left: left.len(), answering });
    }
    Ok(())
}

/// As leader: proposes a change, after the one that may be under way, and waits until it is applied here.
async fn submit(shared: &Shared, change: ChangeMembers<NodeId, Member>, deadline: Instant) -> Result<(), ChangeError> {
    loop {
        match try_submit(shared, change.clone(), deadline).await {
            Err(ChangeError::InProgress) => {
                if timeout_at(deadline, sleep(RETRY)).await.is_err() {
                    return Err(ChangeError::InProgress);
                }
            }
            submitted => return submitted,
        }
    }
}

/// The same, unless another change is under way. Members that lose their vote stay without.
pub(crate) async fn try_submit(
    shared: &Shared,
    change: ChangeMembers<NodeId, Member>,
    deadline: Instant,
) -> Result<(), ChangeError> {
    if !shared.leadership.borrow().is_ready() {
        return Err(ChangeError::NotLeader);
    }
    // A change that this node is making is not one that somebody has left unfinished.
    let Ok(_one_at_a_time) = shared.changing.try_lock() else { return Err(ChangeError::InProgress) };
    match timeout_at(deadline, shared.raft.change_membership(change, true)).await {
        Ok(Ok(_)) => {
            membership::refresh(shared);
            Ok(())
        }
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => Err(ChangeError::NotLeader),
        Ok(Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error)))) => Err(match error {
            ChangeMembershipError::InProgress(_) => ChangeError::InProgress,
            error => ChangeError::Refused(error.to_string()),
        }),
        Ok(Err(error)) => Err(ChangeError::Unknown(error.to_string())),
        Err(_) => Err(ChangeError::Unknown("no quorum has answered in time".to_owned())),
    }
}

const RETRY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(voters: &[NodeId], learner: NodeId) -> Membership {
        let named = |id: &NodeId| (*id, Member { name: format!("n{id}"), ..Member::default() });
        let nodes: BTreeMap<_, _> = voters.iter().chain([&learner]).map(named).collect();
        Membership::new(vec![voters.iter().copied().collect()], nodes).unwrap()
    }

    #[test]
    fn a_vote_is_taken_only_if_a_majority_of_the_others_answers() {
        let three = of(&[1, 2, 3], 4);
        assert_eq!(remaining(&three, 3, |_| true), Ok(()));
        assert_eq!(remaining(&three, 3, |id| id != 3), Ok(()), "the one that goes need not answer");
        let refused = ChangeError::NoQuorum { name: "n3".to_owned(), left: 2, answering: 1 };
        assert_eq!(remaining(&three, 3, |id| id != 2), Err(refused));
        assert!(remaining(&of(&[1, 2, 3, 4], 5), 4, |id| id != 2).is_ok());
        assert_eq!(remaining(&of(&[1], 2), 1, |_| true), Err(ChangeError::LastVoter("n1".to_owned())));
    }

    #[test]
    fn while_the_voters_change_those_of_both_sides_count() {
        let nodes: BTreeMap<_, _> = (1..=4).map(|id| (id, Member::default())).collect();
        let joint = Membership::new(vec![[1, 2, 3].into(), [2, 3, 4].into()], nodes).unwrap();
        assert!(remaining(&joint, 4, |id| id == 1).is_err());
        assert!(remaining(&joint, 4, |id| id != 1).is_ok());
    }
}
