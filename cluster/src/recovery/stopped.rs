//! A node that does not run, as its folder shows it.

use std::path::Path;

use crate::consensus::{LogId, Member, NodeId, StoredMembership};
use crate::identity::NodeKey;
use crate::log::Offline;
use crate::machine::{self, Position};
use crate::open::{REMOVED, diverged};
use crate::shared::members;

use super::{At, RecoverError};

pub(super) struct Stopped {
    pub id: NodeId,
    pub log: Offline,
    pub applied: Option<LogId>,
    pub removed: bool,
    diverged: Option<String>,
    position: Position,
    /// Those it knows of, the oldest first.
    memberships: Vec<StoredMembership>,
}

/// Where a node stands, to be compared with the others of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub id: NodeId,
    /// Under which the members know it.
    pub name: Option<String>,
    /// The end of its log: the node with the highest term goes furthest, and among those the one with the highest index.
    pub last: Option<At>,
    /// What it knows to be committed; more may be.
    pub committed: Option<At>,
    pub applied: Option<At>,
    pub revision: storage::Revision,
    pub fingerprint: [u8; 32],
    /// The newest members that its log names, and which of them vote.
    pub members: Vec<(NodeId, Member, bool)>,
    /// It was told that it is no member any more.
    pub removed: bool,
    /// Why it has stopped, if its state was not that of the others.
    pub diverged: Option<String>,
}

impl Stopped {
    /// Whether a node has ever been at work in this folder. Nothing is made there.
    pub fn is_there(data: &Path) -> bool {
        data.join("node.key").exists() && Offline::is_there(&data.join("raft"))
    }

    pub fn open(data: &Path) -> Result<Self, RecoverError> {
        if !Self::is_there(data) {
            return Err(RecoverError::NoNode(data.to_owned()));
        }
        let id = NodeKey::open(&data.join("node.key"))?.id();
        let log = Offline::open(&data.join("raft"), id)?;
        let (position, membership) = machine::stored(data)?;
        let mut memberships = vec![membership];
        memberships.extend(log.memberships(position.applied)?);
        let (removed, diverged) = (data.join(REMOVED).exists(), diverged(data)?);
        Ok(Self { id, log, applied: position.applied, removed, diverged, position, memberships })
    }

    /// The end of everything it has.
    pub fn end(&self) -> Option<LogId> {
        self.log.last().max(self.applied)
    }

    pub fn committed(&self) -> Option<LogId> {
        self.log.committed().max(self.applied)
    }

    pub fn newest(&self) -> &StoredMembership {
        // Invariant: open() puts in at least one, and nothing takes one out.
        self.memberships.last().expect("invariant: the state has a membership, if an empty one")
    }

    /// Everybody it has known as a member, as it knew them last.
    pub fn known(&self) -> Vec<(NodeId, Member)> {
        let mut known: Vec<(NodeId, Member)> = Vec::new();
        for (id, member) in self.memberships.iter().flat_map(|stored| members(stored.membership())) {
            match known.iter_mut().find(|(other, _)| *other == id) {
                Some(entry) => entry.1 = member,
                None => known.push((id, member)),
            }
        }
        known
    }

    pub fn survey(&self) -> Survey {
        let newest = self.newest().membership();
        let votes = |id: &NodeId| newest.voter_ids().any(|voter| voter == *id);
        Survey {
            id: self.id,
            name: newest.get_node(&self.id).map(|member| member.name.clone()),
            last: self.end().map(At::from),
            committed: self.committed().map(At::from),
            applied: self.applied.map(At::from),
            revision: self.position.revision,
            fingerprint: self.position.fingerprint,
            members: members(newest).into_iter().map(|(id, member)| (id, member, votes(&id))).collect(),
            removed: self.removed,
            diverged: self.diverged.clone(),
        }
    }
}
