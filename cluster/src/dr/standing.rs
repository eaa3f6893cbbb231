//! How a cluster stands to others: a record of the state, and what changes it.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Millis, RawKey};

use crate::consensus::{Member, NodeId};
use crate::identity::PublicKey;
use crate::log::encoding::DecodeError;

/// The role, and how often it was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub version: u64,
    /// Counts who was primary among clusters that are related: a promotion raises it, and a primary that hears of a later reign
    /// gives way. Not the epoch, which a restore or a recovery raises too.
    pub reign: u64,
    pub role: DrRole,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrRole {
    #[default]
    Alone,
    Primary {
        secondaries: Vec<Secondary>,
    },
    Secondary(Source),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secondary {
    pub id: String,
    pub enrolment: Enrolment,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enrolment {
    /// Whoever shows the secret of this SHA-256 first, by then, is the secondary.
    Invited { secret: [u8; 32], expires: Millis },
    Enrolled {
        /// As they were last heard of.
        members: Vec<(NodeId, Member)>,
        /// The secret that was shown, until the secondary follows: the answer may have been lost, and one of these members may
        /// ask again.
        shown: Option<[u8; 32]>,
    },
}

/// Whence a secondary takes its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What the primary calls this cluster.
    pub id: String,
    /// Where they are asked; none while there is no primary.
    pub primary: Vec<(NodeId, Member)>,
    /// As the primary said it last. An operator may know better where a node is, and is believed until the primary says something
    /// new of it.
    pub told: Vec<(NodeId, Member)>,
    /// Another cluster has taken this one's place.
    pub fenced: bool,
    /// What were its secondaries. Until one of them is the primary, and says so, they may fetch what they lack.
    pub heirs: Vec<Secondary>,
    /// The state here is still that of a cluster of its own. The primary's takes its place in one step, with these on top.
    pub adopting: Option<Adopted>,
}

/// Cluster-local records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    pub puts: Vec<(RawKey, Bytes)>,
    /// Folders to empty before.
    pub prefix_deletes: Vec<RawKey>,
}

/// The log entry that changes a standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The version that the proposer saw; at another, nothing happens.
    pub seen: u64,
    pub role: DrRole,
    pub reign: u64,
    /// Begins a line of history with these bits.
    pub epoch: Option<u64>,
}

/// What a node of another cluster may ask here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It belongs to the secondary of that name, or to what was one.
    Secondary(String),
    /// It belongs to the primary.
    Primary,
}

impl Standing {
    pub(crate) fn to_bytes(&self) -> Bytes {
        // Invariant: maps with other keys than text are what JSON cannot hold, and there are none.
        serde_json::to_vec(self).expect("invariant: a standing is plain data").into()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(bytes).map_err(|_| DecodeError::Malformed("how the cluster stands to others"))
    }

    /// Whether batches go into a feed: somebody follows, or is about to.
    pub(crate) fn feeds(&self) -> bool {
        self.followers().iter().any(Secondary::is_enrolled)
    }

    /// Who may follow this cluster: its secondaries; and what they were, while it was demoted and has no successor.
    pub(crate) fn followers(&self) -> &[Secondary] {
        match &self.role {
            DrRole::Primary { secondaries } => secondaries,
            DrRole::Secondary(source) if source.primary.is_empty() && !source.fenced => &source.heirs,
            _ => &[],
        }
    }

    /// Whether a load that was begun under that standing is still meant for this one.
    pub(crate) fn goes_on_as(&self, before: &Standing) -> bool {
        match (&self.role, &before.role) {
            (DrRole::Secondary(now), DrRole::Secondary(then)) => {
                (&now.id, &now.adopting, now.primary.is_empty()) == (&then.id, &then.adopting, then.primary.is_empty())
            }
            (DrRole::Secondary(_), _) | (_, DrRole::Secondary(_)) => false,
            _ => true,
        }
    }

    pub fn secondaries(&self) -> &[Secondary] {
        match &self.role {
            DrRole::Primary { secondaries } => secondaries,
            _ => &[],
        }
    }

    pub fn source(&self) -> Option<&Source> {
        match &self.role {
            DrRole::Secondary(source) => Some(source),
            _ => None,
        }
    }

    /// Whether a token is out that somebody whom nobody knows may come with.
    pub(crate) fn expects_guests(&self, now: Millis) -> bool {
        let counts = |enrolment: &Enrolment| matches!(enrolment, Enrolment::Invited { expires, .. } if now < *expires);
        self.secondaries().iter().any(|secondary| counts(&secondary.enrolment))
    }

    /// The nodes of other clusters that may speak here.
    pub(crate) fn foreign(&self) -> HashMap<PublicKey, Foreign> {
        let mut keys = HashMap::new();
        for secondary in self.secondaries() {
            for (_, member) in secondary.members() {
                keys.insert(member.key, Foreign::Secondary(secondary.id.clone()));
            }
        }
        if let Some(source) = self.source() {
            for heir in &source.heirs {
                keys.extend(heir.members().iter().map(|(_, member)| (member.key, Foreign::Secondary(heir.id.clone()))));
            }
            keys.extend(source.primary.iter().map(|(_, member)| (member.key, Foreign::Primary)));
        }
        keys
    }
}

impl Source {
    /// After the primary has said where its members are.
    pub(crate) fn hearing(&self, said: Vec<(NodeId, Member)>) -> Self {
        let of = |known: &[(NodeId, Member)], wanted: &NodeId| {
            known.iter().find(|(id, _)| id == wanted).map(|(_, member)| member.address.clone())
        };
        let place = |(id, member): &(NodeId, Member)| {
            let news = of(&self.told, id).as_ref() != Some(&member.address);
            let known = of(&self.primary, id).filter(|_| !news);
            (*id, Member { address: known.unwrap_or_else(|| member.address.clone()), ..member.clone() })
        };
        Self { primary: said.iter().map(place).collect(), told: said, ..self.clone() }
    }
}

impl Secondary {
    pub fn is_enrolled(&self) -> bool {
        matches!(self.enrolment, Enrolment::Enrolled { .. })
    }

    pub fn members(&self) -> &[(NodeId, Member)] {
        match &self.enrolment {
            Enrolment::Enrolled { members, .. } => members,
            Enrolment::Invited { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8) -> (NodeId, Member) {
        (u64::from(n), Member { name: format!("n{n}"), key: [n; 32], ..Member::default() })
    }

    #[test]
    fn a_standing_comes_back_as_it_was() {
        let adopting = Some(Adopted { puts: vec![], prefix_deletes: vec![RawKey::root(storage::Class::Local)] });
        let source = Source { id: "east".into(), primary: vec![member(1)], adopting, ..Source::default() };
        let standing = Standing { version: 7, reign: 2, role: DrRole::Secondary(source) };
        assert_eq!(Standing::from_bytes(&standing.to_bytes()).unwrap(), standing);
        assert!(Standing::from_bytes(b"{}").is_err());
    }

    #[test]
    fn an_operator_knows_better_until_the_primary_says_something_new() {
        let at = |address: &str| vec![(1, Member { address: address.to_owned(), ..Member::default() })];
        let told = Source { primary: at("a:1"), ..Source::default() }.hearing(at("a:1"));
        assert_eq!(told.primary, at("a:1"));
        let corrected = Source { primary: at("nat:1"), ..told };
        assert_eq!(corrected.hearing(at("a:1")).primary, at("nat:1"));
        assert_eq!(corrected.hearing(at("b:1")).primary, at("b:1"));
        assert!(corrected.hearing(Vec::new()).primary.is_empty());
    }

    #[test]
    fn only_whom_the_standing_names_may_speak() {
        let enrolled = Enrolment::Enrolled { members: vec![member(1)], shown: Some([0; 32]) };
        let invited = Enrolment::Invited { secret: [0; 32], expires: Millis(1) };
        let secondaries =
            vec![Secondary { id: "a".into(), enrolment: enrolled }, Secondary { id: "b".into(), enrolment: invited }];
        let primary = Standing { version: 1, reign: 1, role: DrRole::Primary { secondaries: secondaries.clone() } };
        let keys = primary.foreign();
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), [([1; 32], Foreign::Secondary("a".into()))]);
        assert!(primary.feeds() && primary.expects_guests(Millis(0)) && !primary.expects_guests(Millis(1)));

        let demoted = Source { heirs: secondaries.clone(), ..Source::default() };
        let demoted = Standing { version: 1, reign: 1, role: DrRole::Secondary(demoted) };
        assert!(demoted.feeds() && demoted.foreign().contains_key(&[1; 32]));
        let source = Source { primary: vec![member(3)], heirs: secondaries, ..Source::default() };
        let secondary = Standing { version: 1, reign: 1, role: DrRole::Secondary(source) };
        assert_eq!(secondary.foreign().len(), 2);
        assert!(!secondary.goes_on_as(&demoted) && secondary.goes_on_as(&secondary) && !primary.goes_on_as(&demoted));
        assert!(!secondary.feeds() && !secondary.expects_guests(Millis(0)));
        assert_eq!(Standing::default().foreign().len(), 0);
    }
}
