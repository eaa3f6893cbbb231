//! How healthy the members are, as their leader sees it; and what it does about those that are gone.
//!
//! ```text
//! answers of the members ─┐
//! log positions ──────────┼─► derive ─► state ─┬─► is_steady:   may this learner vote?
//! what was known before ──┘    (pure)           └─► to_clean_up: is one gone, and can it be spared?
//! ```

mod decide;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::RaftMetrics;
use parking_lot::{Mutex, RwLock};

use crate::change::{self, ChangeError};
use crate::consensus::{LogId, NodeId, TypeConfig};
use crate::shared::{Shared, members, votes};

pub use state::{AutopilotState, LastEntry, ServerHealth};
use state::{Seen, derive};

/// What the operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub cleanup_dead_servers: bool,
    /// After how long without an answer a member is not healthy.
    pub last_contact_threshold: Duration,
    /// After how long without one it is gone.
    pub dead_server_last_contact_threshold: Duration,
    /// How many entries a healthy member may lack.
    pub max_trailing_logs: u64,
    /// So many voters stay, gone or not.
    pub min_quorum: usize,
    /// How long a learner is healthy before it votes.
    pub server_stabilization_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: Duration::from_secs(10),
            dead_server_last_contact_threshold: Duration::from_secs(24 * 3600),
            max_trailing_logs: 1000,
            min_quorum: 3,
            server_stabilization_time: Duration::from_secs(10),
        }
    }
}

pub(crate) struct Autopilot {
    shared: Arc<Shared>,
    /// None until somebody who can read it has said it: then nobody is taken out.
    config: RwLock<Option<Config>>,
    /// Only while this node leads.
    state: Mutex<Option<AutopilotState>>,
}

impl Autopilot {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, config: RwLock::default(), state: Mutex::default() }
    }

    pub fn configure(&self, config: Config) {
        *self.config.write() = Some(config);
    }

    fn config(&self) -> Config {
        self.config.read().unwrap_or_default()
    }

    /// How the members are now. None on a node that does not lead.
    pub fn look(&self) -> Option<AutopilotState> {
        let metrics = self.shared.metrics();
        let mut state = self.state.lock();
        let leadership = self.shared.leadership.borrow().clone();
        *state = leadership.leads().then(|| {
            derive(&self.config(), leadership.term, seen(&self.shared, &metrics), state.as_ref(), Instant::now())
        });
        state.clone()
    }

    /// Whether that learner has been well for long enough to vote.
    pub fn is_steady(&self, id: NodeId) -> bool {
        let state = self.look();
        state.is_some_and(|state| decide::is_steady(&self.config(), &state, id, Instant::now()))
    }

    pub async fn run(self: Arc<Self>) {
        let mut leadership = self.shared.leadership.subscribe();
        loop {
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                // What is heard counts from when this node began to lead.
                changed = leadership.changed() => match changed {
                    Ok(()) => {
                        self.look();
                        continue;
                    }
                    Err(_) => return,
                },
            }
            let Some(state) = self.look() else { continue };
            let Some(config) = *self.config.read() else { continue };
            if let Some(id) = decide::to_clean_up(&config, &state) {
                self.clean_up(&state, id).await;
            }
        }
    }

    /// At most one a round.
    async fn clean_up(&self, state: &AutopilotState, id: NodeId) {
        let Some(server) = state.server(id) else { return };
        let (name, gone) = (&server.member.name, server.last_contact);
        match change::leave(&self.shared, id, false, tokio::time::Instant::now() + REMOVE).await {
            Ok(()) => tracing::warn!(node = name, ?gone, "a member that is gone was taken out of the cluster"),
            Err(ChangeError::NotLeader | ChangeError::NoMember) => {}
            Err(error) => {
                tracing::warn!(node = name, ?gone, %error, "a member that is gone could not be taken out of the cluster");
            }
        }
    }
}

fn seen(shared: &Shared, metrics: &RaftMetrics<TypeConfig>) -> Vec<Seen> {
    let membership = metrics.membership_config.membership();
    let entry = |id: Option<LogId>| {
        id.map_or_else(LastEntry::default, |id| LastEntry { term: id.leader_id.term, index: id.index })
    };
    let of = |(id, member)| {
        let leader = id == shared.id;
        let matched = metrics.replication.as_ref().and_then(|all| all.get(&id).copied().flatten());
        Seen {
            id,
            member,
            voter: votes(membership, id),
            leader,
            heard: shared.reports.of(id).map(|report| report.at.elapsed()),
            // An entry that is not committed yet is nobody's delay.
            last: entry(if leader { metrics.cluster_committed } else { matched }),
        }
    };
    members(membership).into_iter().map(of).collect()
}

const ROUND: Duration = Duration::from_secs(2);
const REMOVE: Duration = Duration::from_secs(30);
