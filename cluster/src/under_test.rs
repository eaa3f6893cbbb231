//! What a test can do to this process: only in builds with the feature `faults`, which no server is.
//!
//! Two kinds of things. *Faults* are what a machine may do: a clock that jumps, a disk that stalls, a way to a peer that
//! leads through somebody else's hands. *Mutations* take one safeguard out, so that the suite can show that it would
//! notice. All of it is of the whole process, for so is a machine.

mod next;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use storage::{Batch, Millis};

use crate::log::Faults;

pub use next::be_next;
pub(crate) use next::{formats, is_next, read, write};

/// A safeguard to do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A restarted leader goes on in its term: see `tests::restored_leader`.
    LeaderRestore,
    /// A restarted voter votes at once: see `tests::lease`.
    NoRestartHold,
    /// A follower reads what it has, without asking the leader.
    NoReadIndex,
    /// A batch is applied whatever became of what it relied on.
    ApplyUnchecked,
}

impl Mutation {
    /// By the name that it has on the outside.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "leader-restore" => Self::LeaderRestore,
            "no-restart-hold" => Self::NoRestartHold,
            "no-read-index" => Self::NoReadIndex,
            "apply-unchecked" => Self::ApplyUnchecked,
            _ => return None,
        })
    }

    pub fn begin(self) {
        MUTATED[self as usize].store(true, Ordering::Relaxed);
    }

    fn is_on(self) -> bool {
        MUTATED[self as usize].load(Ordering::Relaxed)
    }
}

static MUTATED: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];
static CLOCK: AtomicI64 = AtomicI64::new(0);
static WAYS: RwLock<BTreeMap<String, String>> = RwLock::new(BTreeMap::new());
static LOG_DISK: LazyLock<Faults> = LazyLock::new(Faults::default);

/// By how much the wall clock of this process is wrong from now on, in milliseconds.
pub fn set_clock(offset: i64) {
    CLOCK.store(offset, Ordering::Relaxed);
}

/// Which address to dial instead of a peer's own.
pub fn set_ways(ways: BTreeMap<String, String>) {
    *WAYS.write() = ways;
}

/// The disk of this process's log.
pub fn log_disk() -> Faults {
    LOG_DISK.clone()
}

pub(crate) fn shifted(wall: Millis) -> Millis {
    Millis(wall.0.saturating_add_signed(CLOCK.load(Ordering::Relaxed)))
}

pub(crate) fn dialled(address: &str) -> String {
    WAYS.read().get(address).cloned().unwrap_or_else(|| address.to_owned())
}

pub(crate) fn configured(config: openraft::Config) -> openraft::Config {
    if Mutation::LeaderRestore.is_on() {
        return openraft::Config { enable_leader_restore: Some(true), ..config };
    }
    config
}

pub(crate) fn held(hold: Option<Duration>) -> Option<Duration> {
    hold.filter(|_| !Mutation::NoRestartHold.is_on())
}

pub(crate) fn reads_unasked() -> bool {
    Mutation::NoReadIndex.is_on()
}

pub(crate) fn checked(batch: &Batch) -> Cow<'_, Batch> {
    if Mutation::ApplyUnchecked.is_on() {
        return Cow::Owned(Batch { checks: Vec::new(), ..batch.clone() });
    }
    Cow::Borrowed(batch)
}
