//! Which entries recover a log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::EntryPayload;

use crate::consensus::{Command, Entry, LeaderId, LogId, Member, Membership, NodeId, StoredMembership};
use crate::log::encoding::{encode_log_id, encode_membership};

use super::stopped::Stopped;
use super::{RecoverError, Recovered, Survivor};

pub(super) struct Plan {
    /// Where the log ends now, or ended before it was recovered so.
    pub from: LogId,
    pub recovered: Recovered,
    membership: Membership,
    mark: u64,
}

impl Plan {
    pub fn new(stopped: &Stopped, survivors: &[Survivor]) -> Result<Self, RecoverError> {
        if stopped.removed {
            return Err(RecoverError::Removed);
        }
        let known = stopped.known();
        let (Some(own), Some(end)) = (known.iter().find(|(id, _)| *id == stopped.id), stopped.end()) else {
            return Err(RecoverError::NoMember);
        };
        let own = own.1.name.clone();
        let (mut nodes, mut voters) = (BTreeMap::new(), BTreeSet::new());
        for survivor in survivors {
            let (id, member) = find(&known, survivor)?;
            if nodes.insert(id, member).is_some() {
                return Err(RecoverError::Twice(survivor.name.clone()));
            }
            if survivor.voter {
                voters.insert(id);
            }
        }
        if !nodes.contains_key(&stopped.id) {
            return Err(RecoverError::NotAmong(own));
        }
        if voters.is_empty() {
            return Err(RecoverError::NoVoter);
        }
        let names = nodes.values().map(|member: &Member| member.name.clone()).collect();
        let former = known.into_iter().filter(|(id, _)| !nodes.contains_key(id)).collect();
        let membership = Membership::new(vec![voters], nodes).map_err(|e| std::io::Error::other(e.to_string()))?;
        let mark = mark(&membership);
        let recovered = Recovered { bits: bits(&end, mark), from: end, survivors: names, former };
        Ok(Self { from: end, recovered, membership, mark })
    }

    /// The names of those that have no vote yet.
    pub fn given_votes(&self, stopped: &Stopped) -> Vec<String> {
        let before = stopped.newest().membership();
        let votes = |id: &NodeId| before.voter_ids().any(|voter| voter == *id);
        let given = self.membership.voter_ids().filter(|id| !votes(id));
        given.filter_map(|id| self.membership.get_node(&id)).map(|member| member.name.clone()).collect()
    }

    pub fn entries(&self) -> [Entry; 2] {
        let leader_id = LeaderId { term: self.from.leader_id.term + 1, node_id: self.mark };
        let at = |n| LogId { leader_id, index: self.from.index + n };
        let recovered = Command::Recovered(Arc::new(self.recovered.clone()));
        [
            Entry { log_id: at(1), payload: EntryPayload::Normal(recovered) },
            Entry { log_id: at(2), payload: EntryPayload::Membership(self.membership.clone()) },
        ]
    }

    /// Whether the log ends in a recovery with these very survivors.
    pub fn is_done(&self, stopped: &Stopped) -> Result<bool, RecoverError> {
        let last = stopped.log.last_entry()?;
        Ok(last.is_some_and(|entry| {
            entry.log_id.leader_id.node_id == self.mark
                && matches!(&entry.payload, EntryPayload::Membership(found) if *found == self.membership)
        }))
    }
}

fn find(known: &[(NodeId, Member)], survivor: &Survivor) -> Result<(NodeId, Member), RecoverError> {
    // The last one that was known so: a name may have been given again.
    let Some((id, member)) = known.iter().rev().find(|(_, member)| member.name == survivor.name) else {
        let known: Vec<_> = known.iter().map(|(_, member)| member.name.as_str()).collect();
        return Err(RecoverError::Unknown { name: survivor.name.clone(), known: known.join(", ") });
    };
    let mut member = Member { non_voter: !survivor.voter, ..member.clone() };
    if let Some(address) = &survivor.address {
        member.address = address.clone();
    }
    Ok((*id, member))
}

/// Stands where a leader's id does. It tells lists of survivors apart, and is lower than any node's id, which are random: a
/// real leader's entries of the same term go further.
fn mark(membership: &Membership) -> u64 {
    let list = encode_membership(&StoredMembership::new(None, membership.clone()));
    let hash = crypto::sha256(&list);
    u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

fn bits(end: &LogId, mark: u64) -> u64 {
    let mut hash = crypto::Sha256::new();
    hash.update(b"holdfast recovery");
    hash.update(&encode_log_id(end));
    hash.update(&mark.to_be_bytes());
    let mut bits = [0; 8];
    bits.copy_from_slice(&hash.finish()[..8]);
    u64::from_be_bytes(bits)
}
