//! Whether this node wants to lead. One task decides, and nothing else switches campaigning on or off.
//!
//! An unsealed node campaigns as consensus sees fit, past the hold after a restart and unless it has stepped down. A
//! sealed one could not serve, so it leaves the others six election timeouts and a random part before it asks for votes
//! itself: when the only complete node is a sealed one, nobody else can win. Leading sealed, it brings an unsealed voter
//! up to date and hands over. A node that is unfit to lead does the same, and one that is to lose its vote.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::ServerState;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::consensus::Timing;
use crate::handover::{Candidate, Handover, choose};
use crate::reconcile::{Reconcile, should_not_lead};
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

pub(crate) async fn run(shared: Arc<Shared>, campaign: Arc<Campaign>, handover: Arc<Handover>, reconcile: Reconcile) {
    let timing = *shared.local.timing();
    let mut patience = sealed_patience(&timing);
    let mut asked = Instant::now();
    let mut refused: Option<Instant> = None;
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
            shared.local.note_led();
            reconcile.once(&metrics).await;
            let candidates = handover.candidates(&metrics);
            let unwanted = unfit || should_not_lead(&shared, metrics.membership_config.membership());
            let rests = refused.is_some_and(|at| at.elapsed() < REST);
            // An unsealed leader has writes, which a target lacks until they are held.
            let somebody = || candidates.iter().any(Candidate::can_lead);
            if sealed && choose(&candidates).is_some() || unwanted && !rests && somebody() {
                let deadline = tokio::time::Instant::now() + 4 * timing.election_max;
                let handed = handover.transfer(deadline).await;
                refused = handed.is_err().then(Instant::now);
                if let Err(error) = handed {
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

/// Six election timeouts, each as long as one can last, and a random part that keeps sealed nodes apart.
fn sealed_patience(timing: &Timing) -> Duration {
    let random = u32::from(u16::from_be_bytes(crypto::random::<2>()));
    6 * timing.election_max + 3 * timing.election_max * random / u32::from(u16::MAX)
}

/// Writes are held while leadership is handed over: so long they go on before it is tried again.
const REST: Duration = Duration::from_secs(10);
/// How long a node that has stepped down leaves leading to others.
const ABSTAIN: Duration = Duration::from_secs(10);
