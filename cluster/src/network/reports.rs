//! How the other nodes were when they last answered this one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use proto::cluster as pb;
use storage::{Millis, Revision};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The node's wall clock when it answered.
    pub clock: Millis,
    pub sealed: bool,
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// The newest that the node reads.
    pub format: u32,
    /// It should not lead.
    pub unfit: bool,
    /// Its disk is nearly full.
    pub full: bool,
    /// When it was asked, and when its answer came.
    pub asked: Instant,
    pub at: Instant,
}

impl Report {
    /// The node's wall clock now, if it ran on since.
    pub fn clock_now(&self) -> Millis {
        self.clock.plus(self.at.elapsed())
    }
}

#[derive(Default)]
pub struct Reports {
    latest: RwLock<HashMap<u64, Report>>,
    /// What each said of its state, until it is compared. Not the newest: a node that is always ahead would be missed.
    claims: Mutex<HashMap<u64, Claim>>,
}

/// A node's state at a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub revision: Revision,
    pub fingerprint: [u8; 32],
}

impl Reports {
    pub fn note(&self, from: u64, asked: Instant, report: Option<pb::Report>) {
        let Some(report) = report else { return };
        let (Some(revision), Ok(fingerprint)) =
            (Revision::from_bytes(&report.revision), <[u8; 32]>::try_from(&report.fingerprint[..]))
        else {
            return;
        };
        let report = Report {
            clock: Millis(report.clock_ms),
            sealed: report.sealed,
            revision,
            fingerprint,
            unfit: report.unfit,
            full: report.full,
            format: report.format,
            asked,
            at: Instant::now(),
        };
        self.claims.lock().entry(from).or_insert(Claim { revision, fingerprint });
        self.latest.write().insert(from, report);
    }

    /// Shows each claim, and forgets those that have been settled.
    pub fn settle(&self, mut settled: impl FnMut(u64, &Claim) -> bool) {
        self.claims.lock().retain(|id, claim| !settled(*id, claim));
    }

    pub fn of(&self, id: u64) -> Option<Report> {
        self.latest.read().get(&id).cloned()
    }

    /// Its last one, if that is no older.
    pub fn within(&self, span: Duration, id: u64) -> Option<Report> {
        self.of(id).filter(|report| report.at.elapsed() <= span)
    }

    /// Forgets whoever is not a member any more.
    pub fn retain(&self, is_member: impl Fn(u64) -> bool) {
        self.latest.write().retain(|id, _| is_member(*id));
        self.claims.lock().retain(|id, _| is_member(*id));
    }
}
