//! What is to be done about the members, decided from their state alone.

use std::time::Instant;

use super::Config;
use super::state::{AutopilotState, tolerance};
use crate::consensus::NodeId;

/// With fewer voters than this, one more is worth more than knowing that it is steady: the loss of any voter would stop
/// the cluster.
const FOUNDING: usize = 3;

/// Whether a learner has been well for long enough to vote.
pub fn is_steady(config: &Config, state: &AutopilotState, id: NodeId, now: Instant) -> bool {
    if state.servers.iter().filter(|server| server.voter).count() < FOUNDING {
        return true;
    }
    let long = |since| now.saturating_duration_since(since) >= config.server_stabilization_time;
    state.server(id).is_some_and(|server| server.healthy && long(server.since))
}

/// The member that is gone and may be taken out, if there is one: of several the one gone longest, so that each is judged
/// by what the one before has left.
pub fn to_clean_up(config: &Config, state: &AutopilotState) -> Option<NodeId> {
    let joining = state.servers.iter().any(|server| server.is_joining() && !server.failed);
    if !config.cleanup_dead_servers || joining {
        return None;
    }
    let voters = state.servers.iter().filter(|server| server.voter);
    let (all, live) = voters.fold((0, 0), |(all, live), voter| (all + 1, live + usize::from(voter.healthy)));
    let may_lose_a_voter = all > config.min_quorum
        && 2 * live > all - 1
        // No further from the next loss than before.
        && tolerance(all - 1, live) >= tolerance(all, live);
    let gone = state.servers.iter().filter(|server| server.failed && !server.healthy && !server.leader);
    let candidates = gone.filter(|server| !server.voter || may_lose_a_voter);
    candidates.max_by_key(|server| server.last_contact).map(|server| server.id)
}
