//! Whether this node wants to lead. One task decides, and nothing else switches campaigning on or off.
//!
//! An unsealed node campaigns as consensus sees fit, past the hold after a restart and unless it has stepped down. A
//! sealed one could not serve, so it leaves the others six election timeouts and a random part before it asks for votes
//! itself: when the only complete node is a sealed one, nobody else can win. Leading sealed, it brings an unsealed voter
//! up to date and hands over. A node that is unfit to lead does the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::{ChangeMembers, RaftMetrics, ServerState};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::consensus::{NodeId, Timing, TypeConfig};
use crate::handover::{Candidate, Handover, choose};
use crate::shared::{Shared, is_voter};

#[derive(Default)]
pub(crate) struct Campaign {
    abstains: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Campaign {
    /// Leaves leading to others for a while.
    pub fn abstain(&self) {
        self.abstain_until(Some(Instant::now() + ABSTAIN));
    }

    pub fn resume(&self) {
        self.abstain_until(None);
    }

    fn abstain_until(&self, until: Option<Instant>) {
        *self.abstains.lock() = until;
        self.changed.notify_one();
    }

    /// The seal has changed.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    fn abstains(&self) -> bool {
        self.abstains.lock().is_some_and(|until| until > Instant::now())
    }
}

pub(crate) async fn run(shared: Arc<Shared>, campaign: Arc<Campaign>, handover: Arc<Handover>) {
    let timing = *shared.local.timing();
    let mut patience = sealed_patience(&timing);
    let mut asked = Instant::now();
    let mut switched = false;
    let mut removed = shared.peers.removed();
    loop {
        tokio::select! {
            () = campaign.changed.notified() => {}
            () = tokio::time::sleep(timing.heartbeat) => {}
        }
        let (sealed, unfit) = (shared.local.is_sealed(), shared.local.fitness.is_unfit());
        let reluctant = sealed || unfit;
        let held = !shared.local.hold_left().is_zero() || campaign.abstains() || *removed.borrow_and_update();
        let wanted = !reluctant && !held;
        if wanted != switched {
            shared.raft.runtime_config().elect(wanted);
            switched = wanted;
        }
        let metrics = shared.metrics();
        if metrics.running_state.is_err() {
            return;
        }
        if metrics.state == ServerState::Leader {
            shared.local.note_contact();
            promote(&shared, &metrics).await;
            let candidates = handover.candidates(&metrics);
            // An unfit leader has writes, which a target lacks until they are held.
            if sealed && choose(&candidates).is_some() || unfit && candidates.iter().any(Candidate::can_lead) {
                let deadline = tokio::time::Instant::now() + 4 * timing.election_max;
                if let Err(error) = handover.transfer(deadline).await {
                    tracing::info!(error = %error, sealed, unfit, "this leader could not hand over yet");
                }
            }
            continue;
        }
        let voter = is_voter(metrics.membership_config.membership(), shared.id);
        if reluctant && voter && !held && shared.local.since_contact().min(asked.elapsed()) > patience {
            tracing::info!(sealed, unfit, "nobody leads: this node asks for votes all the same");
            if shared.raft.trigger().elect(true).await.is_err() {
                return;
            }
            asked = Instant::now();
            patience = sealed_patience(&timing);
        }
    }
}

/// As leader: finishes a change of the membership that its leader could not finish, or makes a voter of a learner that
/// has caught up and answers.
async fn promote(shared: &Shared, metrics: &RaftMetrics<TypeConfig>) {
    let (Some(replication), Some(last)) = (&metrics.replication, metrics.last_log_index) else { return };
    let membership = metrics.membership_config.membership();
    let fresh = 4 * shared.local.timing().heartbeat + FRESH;
    let ready = |id: &NodeId| {
        let matched = replication.get(id).copied().flatten().map(|id| id.index);
        let answers = shared.reports.of(*id).is_some_and(|report| report.at.elapsed() <= fresh);
        answers && matched.is_some_and(|matched| matched + LAG >= last)
    };
    let learner = membership.learner_ids().find(ready);
    // Until it is finished, such a change asks for a majority of the old voters and of the new ones.
    let unfinished = membership.get_joint_config().len() > 1 && shared.leadership.borrow().is_ready();
    if learner.is_none() && !unfinished {
        return;
    }
    let change =
        ChangeMembers::AddVoterIds(if unfinished { Default::default() } else { learner.into_iter().collect() });
    match tokio::time::timeout(CHANGE, shared.raft.change_membership(change, true)).await {
        Ok(Ok(_)) => tracing::info!(voters = ?membership_names(shared), "the voters have changed"),
        Ok(Err(error)) => tracing::debug!(error = %error, "the voters cannot be changed yet"),
        Err(_) => tracing::warn!("a change of the voters takes long"),
    }
}

fn membership_names(shared: &Shared) -> Vec<String> {
    let stored = shared.membership();
    let membership = stored.membership();
    membership.voter_ids().filter_map(|id| membership.get_node(&id)).map(|member| member.name.clone()).collect()
}

/// Six election timeouts, each as long as one can last, and a random part that keeps sealed nodes apart.
fn sealed_patience(timing: &Timing) -> Duration {
    let random = u32::from(u16::from_be_bytes(crypto::random::<2>()));
    6 * timing.election_max + 3 * timing.election_max * random / u32::from(u16::MAX)
}

/// How long a node that has stepped down leaves leading to others.
const ABSTAIN: Duration = Duration::from_secs(10);
/// How many entries a learner may lack to become a voter.
const LAG: u64 = 1000;
const FRESH: Duration = Duration::from_millis(100);
const CHANGE: Duration = Duration::from_secs(5);
