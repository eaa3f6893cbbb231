//! Who besides the active node has the keys of a namespace that was opened: it is answered that one is open when it will stay so
//! without the node that says it.
//!
//! A member that has got keys says so to the active node. What is known is of the active node's memory alone, and asked for
//! right after an opening; nothing else depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sdk::NamespaceId;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::Node;
use crate::replication::{MemberStatus, Role};

/// How long an answer waits for others to have the keys.
const SPREAD_MAX: Duration = Duration::from_secs(2);
/// Who was not heard of for so long is not waited for.
const SILENT_MAX: Duration = Duration::from_secs(2);
/// How long the active node may take to hear that one has them.
const SAY_MAX: Duration = Duration::from_secs(3);

/// What a member that has keys begins with.
pub(super) const HELD: u8 = 3;

/// Which members have which keyrings, as they said since those were opened here.
#[derive(Default)]
pub(super) struct Holders {
    known: Mutex<BTreeMap<String, BTreeSet<u64>>>,
    /// Moves with what is known.
    told: watch::Sender<()>,
}

impl Holders {
    pub fn note(&self, keyring: &str, member: u64) {
        self.known.lock().entry(keyring.to_owned()).or_default().insert(member);
        self.told.send_replace(());
    }

    pub fn forget(&self, keyring: &str) {
        self.known.lock().remove(keyring);
        self.told.send_replace(());
    }

    pub fn forget_all(&self) {
        self.known.lock().clear();
        self.told.send_replace(());
    }

    fn of(&self, keyring: &str) -> BTreeSet<u64> {
        self.known.lock().get(keyring).cloned().unwrap_or_default()
    }
}

/// How far the keys of a namespace are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spread {
    /// With this node, a majority of the voters has them.
    is_safe: bool,
    /// All have them that it makes sense to wait for.
    is_done: bool,
}

impl Spread {
    fn of(members: &[MemberStatus], own: u64, have: &BTreeSet<u64>) -> Self {
        let voters = members.iter().filter(|status| status.voter).count();
        let others = || members.iter().filter(|status| status.voter && status.member.id != own);
        let holding = others().filter(|status| have.contains(&status.member.id)).count();
        let can = |status: &&MemberStatus| {
            let silent = status.last_contact.is_some_and(|ago| ago > SILENT_MAX);
            have.contains(&status.member.id) || (status.sealed != Some(true) && !silent)
        };
        let needed = voters / 2;
        Self { is_safe: holding >= needed, is_done: holding >= needed.min(others().filter(can).count()) }
    }
}

impl Node {
    /// Waits, not for long, until so many members have the keys of a namespace that was just opened that it stays open without
    /// this node. Otherwise answers what is to be said of that. It ends when the namespace is sealed meanwhile.
    pub async fn spread_tenant(&self, id: &NamespaceId) -> Option<String> {
        let (mut told, end) = (self.tenants.holders.told.subscribe(), Instant::now() + SPREAD_MAX);
        let own = self.replication.joining().id;
        loop {
            told.mark_unchanged();
            let spread = Spread::of(&self.replication.members(), own, &self.tenants.holders.of(id.keyring()));
            if spread.is_safe {
                return None;
            }
            let served = self.local_view().and_then(|view| self.namespaces.served(&view, id));
            if !matches!(served, Ok(Some(_))) {
                return None;
            }
            if spread.is_done || timeout_at(end, told.changed()).await.is_err() {
                return Some(
                    "the namespace is open, but too few other unsealed nodes have its keys yet: if the active node is lost before \
                     they do, it has to be unsealed again"
                        .into(),
                );
            }
        }
    }

    /// Says to the active node that the keys of a namespace are here: it may be waiting for that.
    pub(super) fn say_held(self: &Arc<Self>, id: &NamespaceId) {
        let Ok(said) = self.barrier.ask_for_tenant(id.as_str()) else { return };
        let (node, id) = (Arc::clone(self), id.clone());
        tokio::spawn(async move {
            let said = Bytes::from([&[HELD], said.as_slice()].concat());
            let heard = timeout(SAY_MAX, node.replication.ask_to_unseal(said)).await;
            if !matches!(heard, Ok(Ok(_))) {
                tracing::debug!(namespace = id.as_str(), "nobody has heard that the keys of a namespace are here");
            }
        });
    }

    /// Hears that a member has the keys of a namespace. The error is for that member to read.
    pub(super) fn hear_held(&self, from: u64, said: &[u8]) -> Result<Vec<u8>, String> {
        let named = self.barrier.tenant_asked_for(said.get(1..).unwrap_or_default()).map_err(|e| e.to_string())?;
        let id = NamespaceId::parse(&named).ok_or("the message names no namespace")?;
        if !matches!(self.role(), Role::Active { .. }) {
            return Err("this node is not active".to_owned());
        }
        if !self.barrier.holds(id.keyring()) {
            return Err("the namespace is not open here".to_owned());
        }
        self.tenants.holders.note(id.keyring(), from);
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::Member;

    fn member(id: u64) -> MemberStatus {
        let name = format!("n{id}");
        let (address, api_address) = (String::new(), String::new());
        let member = Member { id, name, address, api_address, key: [0; 32], non_voter: false };
        MemberStatus { member, voter: true, leader: id == 1, last_contact: Some(Duration::ZERO), sealed: Some(false) }
    }

    fn spread(members: &[MemberStatus], have: &[u64]) -> (bool, bool) {
        let Spread { is_safe, is_done } = Spread::of(members, 1, &have.iter().copied().collect());
        (is_safe, is_done)
    }

    #[test]
    fn as_many_are_waited_for_as_make_a_majority_and_nobody_who_cannot_have_the_keys() {
        let all: Vec<_> = (1..=5).map(member).collect();
        assert_eq!(spread(&all[..1], &[]), (true, true), "a cluster of one");
        assert_eq!(spread(&all[..2], &[]), (false, false));
        assert_eq!(spread(&all[..2], &[2]), (true, true));
        assert_eq!((spread(&all[..3], &[]), spread(&all[..3], &[3])), ((false, false), (true, true)));
        assert_eq!(spread(&all, &[2]), (false, false));
        assert_eq!(spread(&all, &[2, 5]), (true, true));
        assert_eq!(spread(&all, &[2, 9]), (false, false), "one is no member any more");
        let with = |change: fn(&mut MemberStatus), ids: &[u64]| {
            let mut all = all.clone();
            all.iter_mut().filter(|status| ids.contains(&status.member.id)).for_each(change);
            all
        };
        let sealed = with(|status| status.sealed = Some(true), &[2, 3, 4]);
        assert_eq!((spread(&sealed, &[]), spread(&sealed, &[5])), ((false, false), (false, true)));
        let silent = with(|status| status.last_contact = Some(2 * SILENT_MAX), &[2, 3, 4, 5]);
        assert_eq!(spread(&silent, &[]), (false, true));
        let unheard = with(|status| (status.last_contact, status.sealed) = (None, None), &[2, 3, 4, 5]);
        assert_eq!(spread(&unheard, &[]), (false, false));
        let learners = with(|status| status.voter = false, &[3, 4, 5]);
        assert_eq!((spread(&learners, &[3]), spread(&learners, &[2])), ((false, false), (true, true)));
    }
}
