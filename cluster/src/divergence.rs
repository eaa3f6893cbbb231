//! Whether this node's state is still that of the others.
//!
//! Equal revision, equal fingerprint. With their answers to log messages the followers say both, so the leader notices when
//! one differs from it. Then it asks everybody for their fingerprint at that revision and says its own, and whoever is asked
//! and differs does the same. So each node judges for itself by what the voters hold, and a leader can find that it is the
//! one.
//!
//! A node that differs, while most voters do not have its state, stops; so where there is no such majority, all do. What
//! most voters have is not known while most of them, itself counted, have not said: a node that hears too few goes on, and
//! looks again at the next difference. A fingerprint runs along: who differs at a revision differs at all later ones, so an
//! answer about a later revision than was asked for counts as well.
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
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::consensus::NodeId;
use crate::machine::Seen;
use crate::network::{Claim, Lane, Link, claim_in};
use crate::shared::{Shared, members, votes};

pub(crate) struct Divergence {
    shared: Arc<Shared>,
    /// Whose state was found to differ from this node's, and what this node has there.
    suspects: Mutex<BTreeMap<NodeId, Claim>>,
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

    /// Another node says what it has at a revision, and asks what this one has there. What is not remembered any more is
    /// answered by the newest; none if the state has not come to it.
    pub fn compare(&self, from: NodeId, claim: Claim) -> Option<Claim> {
        match self.shared.reader.fingerprint_at(claim.revision) {
            Seen::Fingerprint(fingerprint) => {
                let own = Claim { fingerprint, ..claim };
                if self.suspect(from, own, &claim) {
                    self.noticed.notify_one();
                }
                Some(own)
            }
            Seen::NotYet => None,
            Seen::Forgotten => {
                let position = self.shared.reader.position();
                let newest = position.borrow();
                Some(Claim { revision: newest.revision, fingerprint: newest.fingerprint })
            }
        }
    }

    /// Whether the other's state is another one.
    fn suspect(&self, other: NodeId, own: Claim, theirs: &Claim) -> bool {
        let differs = own.fingerprint != theirs.fingerprint;
        if differs {
            self.suspects.lock().insert(other, own);
        }
        differs
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
            let Some(own) = suspects.values().next().copied() else { continue };
            let found = suspects.into_keys().map(|id| (id, false)).collect();
            match self.inquire(own, found).await {
                Ok(others) => rests.extend(others.into_iter().map(|id| (id, Instant::now() + REST))),
                Err(why) => return self.stop(&why).await,
            }
        }
    }

    /// What has been reported since.
    fn look(&self) {
        self.shared.reports.settle(|id, claim| match self.shared.reader.fingerprint_at(claim.revision) {
            Seen::Fingerprint(fingerprint) => {
                self.suspect(id, Claim { fingerprint, ..*claim }, claim);
                true
            }
            Seen::NotYet => false,
            Seen::Forgotten => true,
        });
    }

    /// Who differs, if this node may go on; else why it may not. `own` is what it had where it was first seen.
    async fn inquire(&self, own: Claim, mut found: Found) -> Result<Vec<NodeId>, String> {
        found.insert(self.shared.id, true);
        let mut told = BTreeSet::new();
        // Rounds, not time: of that, a process that was stopped meanwhile may have none left.
        for round in 1..=ROUNDS {
            self.ask(own, &mut found, &mut told).await;
            found.extend(take(&mut *self.suspects.lock()).into_keys().map(|id| (id, false)));
            let (voters, differing) = (self.voters(), self.names(&found));
            match judge(&voters, &found, round == ROUNDS) {
                Verdict::GoOn => {
                    tracing::error!(
                        members = differing, revision = %own.revision,
                        "most voters have another state than these members, which therefore have to stop"
                    );
                    break;
                }
                Verdict::Stop => {
                    let same = voters.iter().filter(|id| found.get(id) == Some(&true)).count();
                    return Err(format!(
                        "at revision {} the state of this node is not that of {differing}, and {same} of {} voters are known \
                         to have the one of this node",
                        own.revision,
                        voters.len()
                    ));
                }
                Verdict::Unknown if round == ROUNDS => tracing::error!(
                    members = differing, revision = %own.revision,
                    "the state of these members is another one, and too few voters answer to tell whose is right"
                ),
                Verdict::Unknown => sleep(PAUSE).await,
            }
        }
        Ok(found.into_iter().filter_map(|(id, same)| (!same).then_some(id)).collect())
    }

    /// Asks all that are not known, and says to all that differ that they do.
    async fn ask(&self, own: Claim, found: &mut Found, told: &mut BTreeSet<NodeId>) {
        let mut asking = JoinSet::new();
        for (id, member) in members(self.shared.membership().membership()) {
            let wanted = match found.get(&id) {
                None => true,
                Some(same) => !same && !told.contains(&id),
            };
            if wanted && let Ok(link) = self.shared.peers.link(id, &member) {
                let shared = self.shared.clone();
                asking.spawn(async move { (id, asked(&shared, &link, own).await) });
            }
        }
        while let Some(answered) = asking.join_next().await {
            let Ok((id, Some(theirs))) = answered else { continue };
            told.insert(id);
            let Some(theirs) = theirs else { continue };
            let here = if theirs.revision == own.revision {
                Seen::Fingerprint(own.fingerprint)
            } else {
                self.shared.reader.fingerprint_at(theirs.revision)
            };
            if let Seen::Fingerprint(here) = here {
                found.entry(id).or_insert(theirs.fingerprint == here);
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
        self.shared.local.stop();
        self.shared.diverged.send_replace(Some(why.into()));
        // Its disk may be what is wrong with it, and would keep it from stopping.
        let (file, text) = (self.file.clone(), why.to_owned());
        let written = tokio::task::spawn_blocking(move || crate::snapshot::replace_file(&file, text.as_bytes()));
        if timeout(STOP, self.shared.raft.shutdown()).await.is_err() {
            tracing::error!("consensus did not end in time on a node that has to stop");
        }
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "that this node has stopped cannot be written down"),
            Err(error) => tracing::error!(%error, "that this node has stopped was not written down"),
        }
    }
}

/// What it says that it has there, if it has come there. None: it does not answer.
async fn asked(shared: &Shared, link: &Link, own: Claim) -> Option<Option<Claim>> {
    let request = pb::CompareRequest {
        terms: Some(shared.local.terms()),
        revision: own.revision.to_bytes().to_vec().into(),
        fingerprint: own.fingerprint.to_vec().into(),
    };
    match timeout(ASK, link.peer(Lane::Control).compare(request)).await {
        Ok(Ok(answer)) => {
            let answer = answer.into_inner();
            match answer.has {
                true => claim_in(&answer.revision, &answer.fingerprint).ok().map(Some),
                false => Some(None),
            }
        }
        Ok(Err(status)) => {
            let error = shared.peers.failed(link, &status);
            tracing::warn!(%error, "a member does not say what state it has");
            None
        }
        Err(_) => None,
    }
}

/// What a node that differs from somebody makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    GoOn,
    Stop,
    /// That depends on who has not answered.
    Unknown,
}

/// Seen from what it has found. `last`: who has not answered by now does not count any more, as long as most have.
fn judge(voters: &BTreeSet<NodeId>, found: &Found, last: bool) -> Verdict {
    let same = voters.iter().filter(|id| found.get(id) == Some(&true)).count();
    let known = voters.iter().filter(|id| found.contains_key(id)).count();
    let half = voters.len() / 2;
    if same > half {
        Verdict::GoOn
    } else if same + voters.len() - known <= half || last && known > half {
        Verdict::Stop
    } else {
        Verdict::Unknown
    }
}

const LOOK: Duration = Duration::from_millis(100);
const ASK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
/// How often voters that do not answer are asked before they count as none.
const ROUNDS: usize = 40;
/// Who has been found to differ, and does not stop, is asked again after this time.
const REST: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(voters: u64, same: &[NodeId], different: &[NodeId], last: bool) -> Verdict {
        let found = same.iter().map(|id| (*id, true)).chain(different.iter().map(|id| (*id, false))).collect();
        judge(&(1..=voters).collect(), &found, last)
    }

    #[test]
    fn the_minority_stops_and_without_a_majority_all_do() {
        use Verdict::{GoOn, Stop, Unknown};
        for last in [false, true] {
            assert_eq!(judged(3, &[1, 2], &[3], last), GoOn);
            assert_eq!(judged(3, &[3], &[1, 2], last), Stop);
            assert_eq!(judged(2, &[1], &[2], last), Stop);
            assert_eq!(judged(4, &[1, 2], &[3, 4], last), Stop);
            assert_eq!(judged(5, &[1, 2, 3], &[4, 5], last), GoOn);
            // Three states of three.
            assert_eq!(judged(3, &[1], &[2, 3], last), Stop);
        }
        assert_eq!(judged(3, &[3], &[1], false), Unknown, "the second decides");
        assert_eq!(judged(4, &[1, 2], &[3], false), Unknown);
        assert_eq!(judged(5, &[1, 2], &[3], false), Unknown);
        assert_eq!(judged(3, &[3], &[1], true), Stop, "the second is away");
        assert_eq!(judged(5, &[1, 2], &[3], true), Stop);
    }

    #[test]
    fn who_hears_too_few_voters_does_not_stop() {
        assert_eq!(judged(3, &[1], &[4], true), Verdict::Unknown, "the word of one without a vote");
        assert_eq!(judged(5, &[1], &[2], true), Verdict::Unknown);
        assert_eq!(judged(3, &[4], &[1], true), Verdict::Unknown);
    }

    #[test]
    fn who_has_no_vote_is_judged_by_those_that_have() {
        use Verdict::{GoOn, Stop, Unknown};
        assert_eq!(judged(3, &[4], &[1, 2], false), Stop);
        assert_eq!(judged(3, &[4], &[1], false), Unknown, "the leader may be the one that differs");
        assert_eq!(judged(3, &[4, 2, 3], &[1], false), GoOn);
        assert_eq!(judged(3, &[1, 2], &[4], false), GoOn);
        assert_eq!(judged(1, &[1], &[4], false), GoOn);
    }
}
