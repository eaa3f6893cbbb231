//! What was done, when, and with which answer.

use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Microseconds since the run began.
pub type Micros = u64;

/// Something done to one key of a key-value engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOp {
    pub key: String,
    pub node: usize,
    pub start: Micros,
    pub end: Micros,
    pub action: Action,
    pub seen: Seen,
    /// The number of the state that a write made, if it was told.
    #[serde(default)]
    pub index: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Of a value that nobody else writes.
    Write { serial: u64 },
    /// Of the newest version.
    Read,
    /// Of an older one: it tells what is in it, and nothing about time.
    ReadOld,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// The version that was made or read, and whose value it is.
    Version { version: u64, serial: u64 },
    /// There is none yet.
    Nothing,
    /// No answer that tells: a write may have happened, and may still.
    Unknown,
}

/// Something that may be done for a while: by a token, by a policy, under a mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightOp {
    /// Which one; never given a second time.
    pub right: String,
    pub node: usize,
    pub start: Micros,
    pub end: Micros,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Given, and acknowledged.
    Given,
    /// Taken away. Several are attempts at the same, of which one was acknowledged at last.
    Taken {
        acknowledged: bool,
    },
    /// It worked; `wrote` is the key and the version that it made, if it wrote.
    Worked {
        wrote: Option<(String, u64)>,
    },
    Refused,
}

/// Where a node stood, by its own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    pub node: usize,
    pub at: Micros,
    pub revision: String,
    pub fingerprint: String,
    /// Why it has stopped, if it found its own state to differ.
    #[serde(default)]
    pub diverged: Option<String>,
}

/// An answer that no healthy cluster gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    pub node: usize,
    pub start: Micros,
    pub end: Micros,
    pub request: String,
    pub kind: OddityKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OddityKind {
    Status {
        status: u16,
        body: String,
    },
    /// The connection ended without an answer, or was refused.
    Broken {
        problem: String,
    },
}

/// A time in which a process was not there, or stood still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    pub node: usize,
    pub start: Micros,
    /// Not over yet if there is none.
    pub end: Option<Micros>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    pub keys: Vec<KeyOp>,
    pub rights: Vec<RightOp>,
    pub sightings: Vec<Sighting>,
    pub oddities: Vec<Oddity>,
    pub outages: Vec<Outage>,
    /// Processes that ended and were not made to.
    pub deaths: Vec<String>,
}

impl Record {
    /// Operations whose outcome is known.
    pub fn completed(&self) -> usize {
        self.keys.iter().filter(|op| op.seen != Seen::Unknown).count() + self.rights.len()
    }
}

pub struct History {
    began: Instant,
    record: Mutex<Record>,
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), record: Mutex::default() }
    }
}

impl History {
    pub fn now(&self) -> Micros {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub fn write(&self, change: impl FnOnce(&mut Record)) {
        // Whoever panicked while writing has failed the run already.
        change(&mut self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    pub fn key(&self, op: KeyOp) {
        self.write(|record| record.keys.push(op));
    }

    pub fn right(&self, op: RightOp) {
        self.write(|record| record.rights.push(op));
    }

    /// The process is not there from now on.
    pub fn down(&self, node: usize) {
        let start = self.now();
        self.write(|record| record.outages.push(Outage { node, start, end: None }));
    }

    /// It is back.
    pub fn up(&self, node: usize) {
        let now = self.now();
        self.write(|record| {
            for outage in record.outages.iter_mut().filter(|outage| outage.node == node) {
                outage.end.get_or_insert(now);
            }
        });
    }

    pub fn copy(&self) -> Record {
        let mut copy = None;
        self.write(|record| copy = Some(record.clone()));
        copy.unwrap_or_default()
    }
}
