//! How far copies are: what each end knows of it while it leads.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use storage::{Millis, Revision};

use super::Standing;
use crate::consensus::{Member, NodeId};
use crate::time;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyState {
    /// There is no primary, or it does not answer.
    #[default]
    Idle,
    /// The first copy is on its way.
    Copying,
    Comparing,
    /// What differed has arrived and is put in its place.
    Merging,
    Following,
}

/// What had to be compared, since it could not be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub at: Millis,
    pub reason: String,
    pub fetched: u64,
    pub removed: u64,
}

#[derive(Clone, Debug, Default)]
pub struct SecondaryProgress {
    pub state: CopyState,
    pub primary_revision: Option<Revision>,
    /// The member of the primary that answers.
    pub answering: Option<(NodeId, Member)>,
    pub answered: Option<Instant>,
    /// When this state was the primary's last.
    pub in_step: Option<Instant>,
    /// Its clock before this node's, in milliseconds.
    pub clock_skew: Option<i64>,
    /// Since when this node follows without a break.
    pub since: Option<Millis>,
    pub last_difference: Option<Difference>,
    /// Why it does not go on.
    pub problem: Option<String>,
}

impl SecondaryProgress {
    /// Changes that are missing in a state at that revision; unknown while the primary is not heard of.
    pub fn behind(&self, own: Revision) -> Option<u64> {
        let primary = self.primary_revision.filter(|_| self.answered.is_some_and(|at| at.elapsed() < 2 * POLL))?;
        (primary.epoch == own.epoch).then(|| primary.n.saturating_sub(own.n))
    }

    /// For how long the state has not been the primary's, as far as is known.
    pub fn lag(&self, own: Revision) -> Option<Duration> {
        let in_step = self.in_step?.elapsed();
        let equal = self.primary_revision == Some(own) && self.state == CopyState::Following;
        Some(if equal { self.answered?.elapsed().saturating_sub(POLL) } else { in_step })
    }
}

/// How long an answer may wait for something to come. So long nothing that was heard is old.
pub(super) const POLL: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrimaryProgress {
    pub revision: Revision,
    /// About what the feed takes.
    pub feed_bytes: u64,
    pub secondaries: Vec<SecondaryLag>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryLag {
    pub id: String,
    /// The member that asks.
    pub asking: Option<(NodeId, Member)>,
    pub last_contact: Option<Duration>,
    pub clock_skew: Option<i64>,
    pub acknowledged: Option<Revision>,
    pub behind: Option<u64>,
    pub lag: Option<Duration>,
}

/// What the secondaries have asked this node, as their primary's leader.
#[derive(Default)]
pub(crate) struct Contacts(Mutex<HashMap<String, Contact>>);

#[derive(Clone)]
struct Contact {
    at: Instant,
    asking: NodeId,
    clock_skew: i64,
    acknowledged: Revision,
    in_step: Option<Instant>,
}

impl Contacts {
    /// A secondary has everything up to a revision, and waits for what is behind it. `in_step`: nothing is, or was until now.
    pub fn note(&self, id: &str, asking: NodeId, clock: Millis, acknowledged: Revision, in_step: bool) {
        let mut contacts = self.0.lock();
        let now = Instant::now();
        let before = contacts.get(id).and_then(|contact| contact.in_step);
        let in_step = if in_step { Some(now) } else { before };
        let clock_skew = clock.0.cast_signed().saturating_sub(time::wall().0.cast_signed());
        contacts.insert(id.to_owned(), Contact { at: now, asking, clock_skew, acknowledged, in_step });
    }

    /// Another term of leadership: what was heard in an earlier one is old.
    pub fn forget(&self) {
        self.0.lock().clear();
    }

    /// Whether it was heard of lately.
    pub fn is_near(&self, id: &str) -> bool {
        self.0.lock().get(id).is_some_and(|contact| contact.at.elapsed() < 2 * POLL)
    }

    /// Up to which all secondaries that follow have everything; none if one has not said.
    pub fn acknowledged(&self, standing: &Standing) -> Option<Revision> {
        let contacts = self.0.lock();
        let enrolled = standing.secondaries().iter().filter(|secondary| secondary.is_enrolled());
        let all: Option<Vec<Revision>> =
            enrolled.map(|secondary| contacts.get(&secondary.id).map(|contact| contact.acknowledged)).collect();
        all?.into_iter().min()
    }

    pub fn all(&self, standing: &Standing, newest: Revision) -> Vec<SecondaryLag> {
        let contacts = self.0.lock();
        let of = |secondary: &super::Secondary| {
            let contact = contacts.get(&secondary.id).filter(|_| secondary.is_enrolled());
            let member = |asking| secondary.members().iter().find(|(id, _)| *id == asking).cloned();
            let behind = |at: Revision| (at.epoch == newest.epoch).then(|| newest.n.saturating_sub(at.n));
            let lag = |contact: &Contact| match contact.acknowledged == newest {
                true => Some(contact.at.elapsed().saturating_sub(POLL)),
                false => contact.in_step.map(|at| at.elapsed()),
            };
            SecondaryLag {
                id: secondary.id.clone(),
                asking: contact.and_then(|contact| member(contact.asking)),
                last_contact: contact.map(|contact| contact.at.elapsed()),
                clock_skew: contact.map(|contact| contact.clock_skew),
                acknowledged: contact.map(|contact| contact.acknowledged),
                behind: contact.and_then(|contact| behind(contact.acknowledged)),
                lag: contact.and_then(lag),
            }
        };
        standing.secondaries().iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use storage::Epoch;

    use super::super::{DrRole, Enrolment, Secondary};
    use super::*;

    fn at(n: u64) -> Revision {
        Revision { epoch: Epoch { number: 1, bits: 7 }, n }
    }

    fn primary() -> Standing {
        let enrolment = Enrolment::Enrolled { members: Vec::new(), shown: None };
        let role = DrRole::Primary { secondaries: vec![Secondary { id: "east".to_owned(), enrolment }] };
        Standing { version: 1, reign: 1, role }
    }

    #[test]
    fn a_secondary_that_waits_is_in_step_until_something_comes() {
        let contacts = Contacts::default();
        let lag = |newest: u64| contacts.all(&primary(), at(newest)).remove(0);
        contacts.note("east", 1, time::wall(), at(4), true);
        assert_eq!((lag(4).behind, lag(4).lag), (Some(0), Some(Duration::ZERO)));
        // A change has come while it waited, and it has not acknowledged it yet.
        contacts.note("east", 1, time::wall(), at(4), true);
        assert_eq!(lag(5).behind, Some(1));
        assert!(lag(5).lag.unwrap() < POLL);
        let before = contacts.0.lock()["east"].in_step;
        contacts.note("east", 1, time::wall(), at(5), false);
        assert_eq!(contacts.0.lock()["east"].in_step, before, "there was more to come when it asked");
        assert_eq!(lag(9).behind, Some(4));
    }

    #[test]
    fn how_far_a_silent_primary_is_nobody_knows() {
        let mut progress = SecondaryProgress { primary_revision: Some(at(4)), ..SecondaryProgress::default() };
        assert_eq!(progress.behind(at(4)), None);
        progress.answered = Some(Instant::now());
        assert_eq!((progress.behind(at(4)), progress.behind(at(1))), (Some(0), Some(3)));
        progress.answered = Instant::now().checked_sub(3 * POLL);
        assert_eq!(progress.behind(at(4)), None);
    }
}
