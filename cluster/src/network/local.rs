//! What this node says about itself, and what it has heard from its leader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use proto::cluster as pb;

use crate::consensus::{Member, Timing};
use crate::fitness::{Kept, Room};
use crate::format::Formats;
use crate::lease::Lease;
use crate::machine::StateReader;
use crate::time::{self, Clock};

pub struct Local {
    pub id: u64,
    pub member: Member,
    pub clock: Arc<Clock>,
    pub(crate) lease: Lease,
    reader: StateReader,
    timing: Timing,
    formats: Formats,
    pub(crate) fitness: Kept,
    sealed: AtomicBool,
    stopped: AtomicBool,
    /// No vote is given before this instant.
    votes_from: Option<Instant>,
    contact: Mutex<Instant>,
    /// When somebody who could lead was heard last.
    led: Mutex<Instant>,
}

impl Local {
    /// `hold` is how long from now no vote is given.
    pub fn new(
        id: u64,
        member: Member,
        timing: Timing,
        formats: Formats,
        reader: StateReader,
        hold: Option<Duration>,
    ) -> Self {
        let now = Instant::now();
        Self {
            id,
            member,
            clock: Arc::default(),
            lease: Lease::default(),
            reader,
            timing,
            formats,
            fitness: Kept::default(),
            sealed: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
            votes_from: hold.map(|hold| now + hold),
            contact: Mutex::new(now),
            led: Mutex::new(now),
        }
    }

    pub fn terms(&self) -> pb::Terms {
        let max = u32::try_from(self.timing.election_max.as_millis()).unwrap_or(u32::MAX);
        let Formats { oldest, newest } = self.formats;
        let level = if self.reader.applied() == 0 { 0 } else { self.reader.format() };
        pb::Terms { format: newest, election_timeout_max_ms: max, oldest_format: oldest, level }
    }

    /// Why a peer's terms do not go with ours, if they do not.
    pub fn disagreement(&self, theirs: Option<&pb::Terms>) -> Option<String> {
        let (ours, theirs) = (self.terms(), theirs.copied().unwrap_or_default());
        let reads = |terms: &pb::Terms| Formats { oldest: terms.oldest_format, newest: terms.format };
        let of = |terms: &pb::Terms, level| (level != 0).then(|| reads(terms).problem(level)).flatten();
        if let Some(problem) = of(&theirs, ours.level).or_else(|| of(&ours, theirs.level)) {
            return Some(problem);
        }
        (theirs.election_timeout_max_ms != ours.election_timeout_max_ms).then(|| {
            let (a, b) = (ours.election_timeout_max_ms, theirs.election_timeout_max_ms);
            format!("the nodes have different election timeouts ({a} ms and {b} ms): they must be equal")
        })
    }

    pub fn report(&self) -> pb::Report {
        let position = self.reader.position();
        let position = position.borrow();
        pb::Report {
            clock_ms: time::wall().0,
            sealed: self.is_sealed(),
            revision: position.revision.to_bytes().to_vec().into(),
            fingerprint: position.fingerprint.to_vec().into(),
            format: self.formats.newest,
            unfit: self.fitness.is_unfit(),
            full: self.fitness.room() != Room::Enough,
        }
    }

    pub fn reader(&self) -> &StateReader {
        &self.reader
    }

    pub fn formats(&self) -> Formats {
        self.formats
    }

    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Relaxed)
    }

    /// Answers whether that changed something.
    pub fn set_sealed(&self, sealed: bool) -> bool {
        self.sealed.swap(sealed, Ordering::Relaxed) != sealed
    }

    /// From now on this node takes no part in consensus.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// For how long this node still gives no vote.
    pub fn hold_left(&self) -> Duration {
        self.votes_from.map_or(Duration::ZERO, |from| from.saturating_duration_since(Instant::now()))
    }

    /// A leader has spoken.
    pub fn note_contact(&self) {
        *self.contact.lock() = Instant::now();
    }

    pub fn since_contact(&self) -> Duration {
        self.contact.lock().elapsed()
    }

    /// A leader has spoken whom most voters answer.
    pub fn note_led(&self) {
        *self.led.lock() = Instant::now();
    }

    pub fn since_led(&self) -> Duration {
        self.led.lock().elapsed()
    }
}
