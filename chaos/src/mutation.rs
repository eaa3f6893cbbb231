//! Safeguards that are taken out to see that the suite notices, each with the plan that is likeliest to.

use crate::plan::{Fault, Kind, Plan, Unsealing};
use crate::run::Run;

pub struct Mutation {
    /// As the build under test knows it.
    pub name: &'static str,
    /// What it does without.
    pub about: &'static str,
    faults: &'static [Kind],
    unsealing: Unsealing,
    heartbeat_ms: u64,
    election_ms: u64,
}

pub const ALL: [Mutation; 5] = [
    // The leader must be back, and unsealed, before anybody misses it.
    Mutation {
        name: "leader-restore",
        about: "a restarted leader goes on in its term",
        faults: &[Kind::LostTail; 4],
        unsealing: Unsealing::Static,
        heartbeat_ms: 200,
        election_ms: 2000,
    },
    // The witness must be back while the old leader's lease still runs.
    Mutation {
        name: "no-restart-hold",
        about: "a restarted voter votes at once",
        faults: &[Kind::Witness; 3],
        unsealing: Unsealing::Shares,
        heartbeat_ms: 100,
        election_ms: 2500,
    },
    Mutation {
        name: "no-read-index",
        about: "a follower reads without asking the leader",
        faults: &[Kind::Isolate, Kind::OneWay, Kind::Delay],
        unsealing: Unsealing::Shares,
        heartbeat_ms: 50,
        election_ms: 200,
    },
    Mutation {
        name: "stale-cache",
        about: "caches are not dropped",
        faults: &[Kind::Pause, Kind::StepDown],
        unsealing: Unsealing::Shares,
        heartbeat_ms: 50,
        election_ms: 200,
    },
    Mutation {
        name: "apply-unchecked",
        about: "a batch is applied whatever became of what it relied on",
        faults: &[Kind::Delay, Kind::StepDown],
        unsealing: Unsealing::Shares,
        heartbeat_ms: 50,
        election_ms: 200,
    },
];

/// How many plans are tried before it counts as not caught.
pub const ATTEMPTS: u64 = 5;

impl Mutation {
    pub fn plan(&self, seed: u64) -> Plan {
        // Each has its time: what these are about takes longer than what is drawn.
        let slot = if self.election_ms > 1000 { 10_000 } else { 3000 };
        let fault =
            |(number, kind): (u64, &Kind)| Fault { kind: *kind, at_ms: 500 + slot * number, seed: seed * 31 + number };
        Plan {
            seed,
            nodes: 3,
            unsealing: self.unsealing,
            heartbeat_ms: self.heartbeat_ms,
            election_ms: self.election_ms,
            seconds: slot * self.faults.len() as u64 / 1000,
            faults: (0..).zip(self.faults).map(fault).collect(),
            mutations: vec![self.name.to_owned()],
        }
    }

    /// By whom it was caught: one that looks at what clients and nodes saw, not one that a crash would alarm as well.
    pub fn caught_by(run: &Run) -> Option<&str> {
        const LOOKING: [&str; 5] = ["versions", "indexes", "order", "rights", "states"];
        let mut found = run.findings.violations.iter().map(|violation| violation.checker.as_str());
        found.find(|checker| LOOKING.contains(checker))
    }
}
