//! A handle by which a test makes the log's disk stall, fail or lose what it has not synced.
//!
//! It is compiled always, so that whole nodes can be tested with it; nothing outside tests ever turns it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Healthy,
    Stalled,
    Failing,
    Lost,
}

/// Whether the writer goes on with a write.
pub(super) enum Verdict {
    Write,
    /// As if the disk had refused it.
    Fail(io::Error),
    /// As if power had gone: nobody is answered, nothing is written any more.
    Vanish,
}

#[derive(Clone)]
pub struct Faults {
    inner: Arc<(Mutex<Mode>, Condvar)>,
    writes: Arc<AtomicU64>,
    spoiled: Arc<AtomicU64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            inner: Arc::new((Mutex::new(Mode::Healthy), Condvar::new())),
            writes: Arc::default(),
            spoiled: Arc::default(),
        }
    }
}

impl Faults {
    /// Holds every write back until another mode is set.
    pub fn stall(&self) {
        self.set(Mode::Stalled);
    }

    pub fn heal(&self) {
        self.set(Mode::Healthy);
    }

    /// Makes the next write fail.
    pub fn fail(&self) {
        self.set(Mode::Failing);
    }

    /// Drops everything that is not synced yet, and all that comes after it.
    pub fn lose_power(&self) {
        self.set(Mode::Lost);
    }

    /// How many writes, each with at most one sync, were asked of the disk.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many of them were held back, refused or lost.
    pub fn spoiled(&self) -> u64 {
        self.spoiled.load(Ordering::Relaxed)
    }

    pub(super) fn before_write(&self) -> Verdict {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let (mode, changed) = &*self.inner;
        let mut mode = mode.lock();
        if *mode != Mode::Healthy {
            self.spoiled.fetch_add(1, Ordering::Relaxed);
        }
        while *mode == Mode::Stalled {
            changed.wait(&mut mode);
        }
        match *mode {
            Mode::Healthy | Mode::Stalled => Verdict::Write,
            Mode::Failing => Verdict::Fail(io::Error::other("the disk was told to fail")),
            Mode::Lost => Verdict::Vanish,
        }
    }

    fn set(&self, to: Mode) {
        let (mode, changed) = &*self.inner;
        *mode.lock() = to;
        changed.notify_all();
    }
}
