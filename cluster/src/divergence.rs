//! Whether this node's state is still that of the others.
//!
//! Equal revision, equal fingerprint. With their answers to log messages the followers say both, so the leader notices when
//! one differs from it. Then it asks everybody for their fingerprint at that revision and says its own, and whoever is asked
//! and differs does the same. So each node judges for itself by what the voters hold; nobody's word alone stops another, and
//! a leader can find that it is the one.
//!
//! A node that differs, while most voters do not have its state, stops; so where there is no such majority, all do. A
//! fingerprint runs along: who differs at a revision differs at all later ones, so answers about different revisions may be
//! put together.
//!
//! Stopping ends consensus on this node and is written down: what the folder holds is to be looked at, not served. The next
//! start refuses it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proto::cluster as pb;
use storage::Revision;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::consensus::NodeId;
use crate::machine::Seen;
use crate::network::{Claim, Lane, Link, seen_in};
use crate::shared::{Shared, members, votes};

pub(crate) struct Divergence {
    shared: Arc<Shared>,
    /// Whose state was found to differ from this node's, and at which revision.
    suspects: Mutex<BTreeMap<NodeId, Revision>>,
    noticed: Notify,
    /// Remembers that this node has stopped.
    file: PathBuf,
}

/// Whether a node has this node's state.
type Found = BTreeMap<NodeId, bool>;

impl Divergence {
    pub fn new(shared: Arc<Shared>, file: PathBuf) -> Self {
        Self { shared, suspects: Mutex::default(), noticed: Notify::new(), file }
    }

    /// Another node asks what this one has there, and says what it has itself.
    pub fn compare(&self, from: NodeId, claim: Claim) -> Seen {
        let seen = self.shared.reader.fingerprint_at(claim.revision);
        if differs(seen, &claim) {
            self.suspects.lock().insert(from, claim.revision);
            self.noticed.notify_one();
        }
        seen
    }

    pub async fn run(self: Arc<Self>) {
        let mut rests: BTreeMap<NodeId, Instant> = BTreeMap::new();
        loop {
            tokio::select! {
                () = self.noticed.notified() => {}
                () = sleep(LOOK) => {}
            }
            self.look();
            rests.retain(|_, until| *until > Instant::now());
            let mut suspects = take(&mut *self.suspects.lock());
            suspects.retain(|id, _| !rests.contains_key(id));
            let Some(at) = suspects.values().next().copied() else { continue };
            let found = suspects.into_keys().map(|id| (id, false)).collect();
            match self.inquire(at, found).await {
                Ok(others) => rests.extend(others.into_iter().map(|id| (id, Instant::now() + REST))),
                Err(why) => return self.stop(&why).await,
            }
        }
    }

    /// What has been reported since.
    fn look(&self) {
        self.shared.reports.settle(|id, claim| {
            let seen = self.shared.reader.fingerprint_at(claim.revision);
            if differs(seen, claim) {
                self.suspects.lock().insert(id, claim.revision);
            }
            seen != Seen::NotYet
        });
    }

    /// Who differs, if this node may go on; else why it may not.
    async fn inquire(&self, first: Revision, mut found: Found) -> Result<Vec<NodeId>, String> {
        let by = Instant::now() + PATIENCE;
        found.insert(self.shared.id, true);
        let (mut told, mut at) = (BTreeSet::new(), first);
        loop {
            self.ask(at, &mut found, &mut told).await;
            found.extend(take(&mut *self.suspects.lock()).into_keys().map(|id| (id, false)));
            let (voters, differing) = (self.voters(), self.names(&found));
            match judge(&voters, &found) {
                Some(true) => {
                    tracing::error!(
                        members = differing, revision = %first,
                        "most voters have another state than these members, which therefore have to stop"
                    );
                    return Ok(found.into_iter().filter_map(|(id, same)| (!same).then_some(id)).collect());
                }
                None if Instant::now() < by => {}
                Some(false) | None => {
                    let same = voters.iter().filter(|id| found.get(id) == Some(&true)).count();
                    return Err(format!(
                        "at revision {first} the state of this node is not that of {differing}, and {same} of {} voters \
                         are known to have the one of this node",
                        voters.len()
                    ));
                }
            }
            // Who is not there yet, or has forgotten, may know another one.
            at = if at == first { self.shared.reader.position().borrow().revision } else { first };
            sleep(PAUSE).await;
        }
    }

    /// Asks all that are not known, and says to all that differ that they do.
    async fn ask(&self, at: Revision, found: &mut Found, told: &mut BTreeSet<NodeId>) {
        let Seen::Fingerprint(own) = self.shared.reader.fingerprint_at(at) else { return };
        let mut asking = JoinSet::new();
        for (id, member) in members(self.shared.membership().membership()) {
            let wanted = match found.get(&id) {
                None => true,
                Some(same) => !same && !told.contains(&id),
            };
            if wanted && let Ok(link) = self.shared.peers.link(id, &member) {
                let (shared, claim) = (self.shared.clone(), Claim { revision: at, fingerprint: own });
                asking.spawn(async move { (id, asked(&shared, &link, claim).await) });
            }
        }
        while let Some(answered) = asking.join_next().await {
            let Ok((id, Some(seen))) = answered else { continue };
            told.insert(id);
            if let Seen::Fingerprint(theirs) = seen {
                found.entry(id).or_insert(theirs == own);
            }
        }
    }

    fn voters(&self) -> BTreeSet<NodeId> {
        let stored = self.shared.membership();
        let membership = stored.membership();
        membership.nodes().map(|(id, _)| *id).filter(|id| votes(membership, *id)).collect()
    }

    /// Of those that differ.
    fn names(&self, found: &Found) -> String {
        let stored = self.shared.membership();
        let named = |id: &NodeId| stored.membership().get_node(id).map_or(format!("{id:016x}"), |m| m.name.clone());
        let names: Vec<String> = found.iter().filter(|(_, same)| !**same).map(|(id, _)| named(id)).collect();
        names.join(", ")
    }

    async fn stop(&self, why: &str) {
        tracing::error!(
            reason = why,
            "this node stops: its state is not that of the others; its data folder is kept as it is"
        );
        if let Err(error) = crate::snapshot::replace_file(&self.file, why.as_bytes()) {
            tracing::error!(error = %error, "that this node has stopped cannot be written down");
        }
        self.shared.local.stop();
        self.shared.diverged.send_replace(Some(why.into()));
        if timeout(STOP, self.shared.raft.shutdown()).await.is_err() {
            tracing::error!("consensus did not end in time on a node that has to stop");
        }
    }
}

fn differs(seen: Seen, claim: &Claim) -> bool {
    matches!(seen, Seen::Fingerprint(own) if own != claim.fingerprint)
}

async fn asked(shared: &Shared, link: &Link, claim: Claim) -> Option<Seen> {
    let request = pb::CompareRequest {
        terms: Some(shared.local.terms()),
        revision: claim.revision.to_bytes().to_vec().into(),
        fingerprint: claim.fingerprint.to_vec().into(),
    };
    match timeout(ASK, link.peer(Lane::Control).compare(request)).await {
        Ok(Ok(answer)) => seen_in(answer.get_ref()).ok(),
        Ok(Err(status)) => {
            let error = shared.peers.failed(link, &status);
            tracing::warn!(%error, "a member does not say what state it has");
            None
        }
        Err(_) => None,
    }
}

/// Whether this node may go on, seen from what it has found; none while that depends on who has not answered.
fn judge(voters: &BTreeSet<NodeId>, found: &Found) -> Option<bool> {
    let same = voters.iter().filter(|id| found.get(id) == Some(&true)).count();
    let unknown = voters.iter().filter(|id| !found.contains_key(id)).count();
    match voters.len() / 2 {
        half if same > half => Some(true),
        half if same + unknown <= half => Some(false),
        _ => None,
    }
}

const LOOK: Duration = Duration::from_millis(100);
const ASK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
/// How long voters that do not answer are waited for before they count as none.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who has been found to differ, and does not stop, is asked again after this time.
const REST: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(voters: u64, same: &[NodeId], different: &[NodeId]) -> Option<bool> {
        let found = same.iter().map(|id| (*id, true)).chain(different.iter().map(|id| (*id, false))).collect();
        judge(&(1..=voters).collect(), &found)
    }

    #[test]
    fn the_minority_stops_and_without_a_majority_all_do() {
        assert_eq!(judged(3, &[1, 2], &[3]), Some(true));
        assert_eq!(judged(3, &[3], &[1, 2]), Some(false));
        assert_eq!(judged(3, &[3], &[1]), None, "the second decides");
        assert_eq!(judged(2, &[1], &[2]), Some(false));
        assert_eq!(judged(4, &[1, 2], &[3, 4]), Some(false));
        assert_eq!(judged(4, &[1, 2], &[3]), None);
        assert_eq!(judged(5, &[1, 2, 3], &[4, 5]), Some(true));
        assert_eq!(judged(5, &[1, 2], &[3]), None);
        // Three states of three.
        assert_eq!(judged(3, &[1], &[2, 3]), Some(false));
    }

    #[test]
    fn who_has_no_vote_is_judged_by_those_that_have() {
        assert_eq!(judged(3, &[4], &[1, 2]), Some(false));
        assert_eq!(judged(3, &[4], &[1]), None, "the leader may be the one that differs");
        assert_eq!(judged(3, &[4, 2, 3], &[1]), Some(true));
        assert_eq!(judged(3, &[1, 2], &[4]), Some(true));
        assert_eq!(judged(1, &[1], &[4]), Some(true));
    }
}
