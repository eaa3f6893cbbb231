//! How the members are, derived from what was heard of them. A function of its arguments: the clock is one.

use std::time::{Duration, Instant};

use super::Config;
use crate::consensus::{Member, NodeId};

/// What the leader knows of one member at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: NodeId,
    pub member: Member,
    pub voter: bool,
    pub leader: bool,
    /// How long ago it answered this node, leading now or before.
    pub heard: Option<Duration>,
    /// Up to where it has the log.
    pub last: LastEntry,
}

/// The term and the index of a log's last entry; zeros for an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastEntry {
    pub term: u64,
    pub index: u64,
}

/// One member, as the leader judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHealth {
    pub id: NodeId,
    pub member: Member,
    pub voter: bool,
    pub leader: bool,
    /// How long ago it was heard; if never, since when it should have been.
    pub last_contact: Duration,
    pub last: LastEntry,
    pub healthy: bool,
    /// Not heard for so long that it counts as gone.
    pub failed: bool,
    /// Since when `healthy` is what it is.
    pub since: Instant,
    /// Since when this leader knows it.
    pub known: Instant,
}

impl ServerHealth {
    /// On its way to a vote.
    pub fn is_joining(&self) -> bool {
        !self.voter && !self.member.non_voter
    }
}

/// The whole cluster, as its leader judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutopilotState {
    /// Of this leadership; with another one begins another history.
    pub term: u64,
    pub servers: Vec<ServerHealth>,
}

impl AutopilotState {
    pub fn is_healthy(&self) -> bool {
        self.servers.iter().all(|server| server.healthy)
    }

    /// How many more voters may be lost.
    pub fn failure_tolerance(&self) -> usize {
        let voters = self.servers.iter().filter(|server| server.voter);
        let (all, healthy) =
            voters.fold((0, 0), |(all, healthy), voter| (all + 1, healthy + usize::from(voter.healthy)));
        tolerance(all, healthy)
    }

    pub fn server(&self, id: NodeId) -> Option<&ServerHealth> {
        self.servers.iter().find(|server| server.id == id)
    }
}

/// Of so many voters, of which so many are healthy.
pub(super) fn tolerance(all: usize, healthy: usize) -> usize {
    healthy.saturating_sub(all / 2 + 1)
}

pub(super) fn derive(
    config: &Config,
    term: u64,
    seen: Vec<Seen>,
    before: Option<&AutopilotState>,
    now: Instant,
) -> AutopilotState {
    let before = before.filter(|before| before.term == term);
    let began = before.and_then(|before| before.servers.iter().find(|server| server.leader)).map(|server| server.known);
    let leader = seen.iter().find(|seen| seen.leader).map(|seen| seen.last).unwrap_or_default();
    let judge = |seen: Seen| {
        let earlier = before.and_then(|before| before.server(seen.id));
        let known = earlier.map_or(now, |server| server.known);
        // Since this node's earlier leadership it has answered others.
        let of_now = |heard: &Duration| began.is_some_and(|began| *heard <= now.saturating_duration_since(began));
        let heard = seen.heard.filter(of_now);
        let last_contact = match heard {
            _ if seen.leader => Duration::ZERO,
            Some(heard) => heard,
            None => now.saturating_duration_since(known),
        };
        let behind = leader.index.saturating_sub(seen.last.index);
        let in_step = seen.last.term >= leader.term && behind <= config.max_trailing_logs;
        // Who has not been heard yet may be well, but nobody knows.
        let healthy = seen.leader || (in_step && heard.is_some_and(|heard| heard <= config.last_contact_threshold));
        let since = earlier.filter(|server| server.healthy == healthy).map_or(now, |server| server.since);
        ServerHealth {
            id: seen.id,
            member: seen.member,
            voter: seen.voter,
            leader: seen.leader,
            last_contact,
            last: seen.last,
            healthy,
            failed: !seen.leader && last_contact > config.dead_server_last_contact_threshold,
            since,
            known,
        }
    };
    AutopilotState { term, servers: seen.into_iter().map(judge).collect() }
}
