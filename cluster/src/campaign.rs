//! Whether this node wants to lead. One task decides, and nothing else switches campaigning on or off.
//!
//! An unsealed node campaigns as consensus sees fit, past the hold after a restart and unless it has stepped down. A
//! sealed one could not serve, so it leaves the others six election timeouts and a random part before it asks for votes
//! itself: when the only complete node is a sealed one, nobody else can win. Leading sealed, it brings an unsealed voter
//! up to date and hands over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::ChangeMembers;
use openraft::ServerState;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::consensus::{NodeId, Timing};
use crate::handover::{Handover, choose};
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
    let mut switched = false;
    let mut removed = shared.peers.removed();
    loop {
        tokio::select! {
            () = campaign.changed.notified() => {}
            () = tokio::time::sleep(timing.heartbeat) => {}
        }
        let sealed = shared.local.is_sealed();
        let held = !shared.local.hold_left().is_zero() || campaign.abstains() || *removed.borrow_and_update();
        let wanted = !sealed && !held;
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
            if sealed && choose(&handover.candidates(&metrics)).is_some() {
                let deadline = tokio::time::Instant::now() + 4 * timing.election_max;
                if let Err(error) = handover.transfer(deadline).await {
                    tracing::info!(error = %error, "this sealed leader could not hand over yet");
                }
            }
            continue;
        }
        let voter = is_voter(metrics.membership_config.membership(), shared.id);
        if sealed && voter && !held && shared.local.since_contact() > patience {
            tracing::info!("nobody leads: this sealed node asks for votes");
            if shared.raft.trigger().elect(true).await.is_err() {
                return;
            }
            shared.local.note_contact();
            patience = sealed_patience(&timing);
        }
    }
}

/// Makes a voter of a learner that has caught up and answers.
async fn promote(shared: &Shared, metrics: &openraft::RaftMetrics<crate::consensus::TypeConfig>) {
    let (Some(replication), Some(last)) = (&metrics.replication, metrics.last_log_index) else { return };
    let fresh = 4 * shared.local.timing().heartbeat + FRESH;
    let membership = metrics.membership_config.membership();
    let ready = |id: &NodeId| {
        let matched = replication.get(id).copied().flatten().map(|id| id.index);
        let answers = shared.reports.of(*id).is_some_and(|report| report.at.elapsed() <= fresh);
        answers && matched.is_some_and(|matched| matched + LAG >= last)
    };
    let Some(learner) = membership.learner_ids().find(ready) else { return };
    let change = ChangeMembers::AddVoterIds([learner].into());
    match tokio::time::timeout(CHANGE, shared.raft.change_membership(change, true)).await {
        Ok(Ok(_)) => tracing::info!(node = %format_args!("{learner:016x}"), "a node has caught up and votes from now on"),
        Ok(Err(error)) => tracing::debug!(error = %error, "a node cannot be made a voter yet"),
        Err(_) => tracing::warn!("making a node a voter takes long"),
    }
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
