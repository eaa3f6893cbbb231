//! What a run is to be, from its seed alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// A kind of fault: each has a file in `fault`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `kill -9`, and started again at once.
    Kill,
    /// `kill -9`, and started again after ten seconds.
    KillLong,
    /// SIGSTOP, SIGCONT.
    Pause,
    /// A minority is cut off.
    Isolate,
    /// Two halves that see one node and not each other.
    Bridge,
    /// One direction of a node's traffic is cut.
    OneWay,
    Delay,
    /// Connections break, bytes come late.
    Loss,
    /// The log's disk takes its time.
    DiskStall,
    /// The log's disk says that it failed.
    SyncError,
    /// Power goes while a record is half written.
    TornTail,
    /// Power goes before the disk has what was written.
    LostTail,
    StepDown,
    /// Leadership is given to a node that lacks entries.
    Transfer,
    /// A member is removed, emptied, and joins again.
    Churn,
    /// A node needs a snapshot while writes go on.
    Install,
    /// A wall clock jumps by minutes.
    ClockJump,
    /// Wall clocks go apart by seconds.
    ClockSkew,
    /// One node is sealed and unsealed.
    SealOne,
    /// All nodes lose power at once.
    PowerCut,
    /// The voter that a leader has its lease from restarts as the partition turns.
    Witness,
}

impl Kind {
    pub const ALL: [Kind; 21] = [
        Self::Kill,
        Self::KillLong,
        Self::Pause,
        Self::Isolate,
        Self::Bridge,
        Self::OneWay,
        Self::Delay,
        Self::Loss,
        Self::DiskStall,
        Self::SyncError,
        Self::TornTail,
        Self::LostTail,
        Self::StepDown,
        Self::Transfer,
        Self::Churn,
        Self::Install,
        Self::ClockJump,
        Self::ClockSkew,
        Self::SealOne,
        Self::PowerCut,
        Self::Witness,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == name)
    }
}

/// As it is written on the command line and in reports.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        f.pad(name.as_str().unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: Kind,
    /// When it begins, after the clients have.
    pub at_ms: u64,
    /// Of its own choices: whom it hits, how long, how hard.
    pub seed: u64,
}

/// Who unseals the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unsealing {
    /// The suite, as an operator would.
    Shares,
    /// They themselves, by a key of their configuration.
    Static,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub nodes: usize,
    pub unsealing: Unsealing,
    pub heartbeat_ms: u64,
    /// The shortest; the longest is twice that.
    pub election_ms: u64,
    /// How long faults begin.
    pub seconds: u64,
    pub faults: Vec<Fault>,
    /// Safeguards that the servers do without.
    pub mutations: Vec<String>,
}

/// What is asked of every run of a set.
#[derive(Clone, Debug)]
pub struct Wish {
    pub seconds: u64,
    pub faults: usize,
    /// From which they are drawn.
    pub kinds: Vec<Kind>,
    pub mutations: Vec<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { seconds: 20, faults: 5, kinds: Kind::ALL.to_vec(), mutations: Vec::new() }
    }
}

impl Plan {
    /// Kinds are drawn like cards: none comes twice before all have come.
    pub fn draw(seed: u64, wish: &Wish) -> Self {
        let mut dice = Dice::new(seed);
        let nodes = if dice.chance(20) { 5 } else { 3 };
        let unsealing = if dice.chance(25) { Unsealing::Static } else { Unsealing::Shares };
        let (heartbeat_ms, election_ms) = if dice.chance(25) { (100, 600) } else { (50, 200) };
        let slot = wish.seconds * 1000 / wish.faults.max(1) as u64;
        let mut deck = Vec::new();
        let mut faults = Vec::new();
        for number in 0..wish.faults {
            if deck.is_empty() {
                deck.clone_from(&wish.kinds);
                dice.shuffle(&mut deck);
            }
            let Some(kind) = deck.pop() else { break };
            let at_ms = slot * number as u64 + dice.below(slot / 2);
            faults.push(Fault { kind, at_ms, seed: dice.roll() });
        }
        let (seconds, mutations) = (wish.seconds, wish.mutations.clone());
        Self { seed, nodes, unsealing, heartbeat_ms, election_ms, seconds, faults, mutations }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_seed_is_a_plan() {
        let wish = Wish::default();
        assert_eq!(Plan::draw(42, &wish), Plan::draw(42, &wish));
        assert_ne!(Plan::draw(42, &wish), Plan::draw(43, &wish));
    }

    #[test]
    fn a_hundred_runs_have_every_kind_at_least_ten_times() {
        let wish = Wish::default();
        for first in [1, 1000, 77_777] {
            let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
            for seed in first..first + 100 {
                let plan = Plan::draw(seed, &wish);
                assert_eq!(plan.faults.len(), 5);
                plan.faults.iter().for_each(|fault| *counts.entry(fault.kind).or_default() += 1);
            }
            assert_eq!(counts.len(), Kind::ALL.len());
            assert!(counts.values().all(|count| *count >= 10), "from seed {first}: {counts:?}");
        }
    }

    #[test]
    fn a_run_has_no_kind_twice_and_begins_each_within_its_slot() {
        for seed in 0..200 {
            let plan = Plan::draw(seed, &Wish::default());
            let mut kinds: Vec<Kind> = plan.faults.iter().map(|fault| fault.kind).collect();
            kinds.sort();
            kinds.dedup();
            assert_eq!(kinds.len(), 5);
            for (number, fault) in plan.faults.iter().enumerate() {
                let begin = 4000 * number as u64;
                assert!((begin..begin + 2000).contains(&fault.at_ms), "{fault:?}");
            }
        }
    }

    #[test]
    fn wished_kinds_alone_are_drawn() {
        let wish = Wish { kinds: vec![Kind::Pause, Kind::Kill], ..Wish::default() };
        let plan = Plan::draw(5, &wish);
        assert_eq!(plan.faults.len(), 5);
        assert!(plan.faults.iter().all(|fault| wish.kinds.contains(&fault.kind)));
    }

    #[test]
    fn names_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(&kind.to_string()), Some(kind));
        }
        assert_eq!(Kind::named("nothing"), None);
    }
}
