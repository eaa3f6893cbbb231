//! Formats: how nodes of different versions work together while a cluster is upgraded, node by node.
//!
//! A format is a number for everything that nodes write for each other to read: log entries, the state's records, snapshots,
//! messages. A version reads a range of them. The cluster is at one, its *level*, which is a record of the state; all write
//! in its *form*. Once every member reads the next one, the leader raises the level by a log entry. Until then any node may
//! go back to the version before; from then on that version opens the data no more, and says so.
//!
//! Every record but the level itself begins with a byte that tells its form, so readers take all forms of the formats they
//! know, in any mixture, and refuse others. Only writers look at the level:
//!
//! | what | at which level it is written |
//! |---|---|
//! | records of the state | the one at their entry, so they are the same everywhere |
//! | a message: log entries, a snapshot's header | the one that its terms name |
//! | an entry in a node's own log | the one that this node knows, which the log keeps and checks when it is opened |
//!
//! What only has to be told apart (votes, positions in the log, members, which a recovery hashes) is the same at all levels.
//!
//! **Invariant:** level ≤ newest, on every member, and level ≥ oldest. A node for which it does not hold is refused in both
//! directions, and refuses to start or to apply.
//!
//! Another format is: `proto::FORMAT` raised, a `Form` for it, upon which the compiler names every writer, and readers of both
//! until `proto::OLDEST_FORMAT` moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::consensus::Command;
use crate::handover::Gate;
use crate::propose::propose;
use crate::shared::{Shared, members};

/// The formats that a version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    pub oldest: u32,
    pub newest: u32,
}

/// Of a cluster whose state does not say.
pub(crate) const FIRST: u32 = 1;

impl Default for Formats {
    fn default() -> Self {
        let formats = Self { oldest: proto::OLDEST_FORMAT, newest: proto::FORMAT };
        #[cfg(feature = "faults")]
        let formats = crate::under_test::formats(formats);
        formats
    }
}

/// How writers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    First,
    /// Of a later version, which a process under test can be.
    #[cfg(feature = "faults")]
    Next,
}

impl Form {
    /// In a cluster at that level.
    pub fn of(level: u32) -> Self {
        match level {
            #[cfg(feature = "faults")]
            level if level > proto::FORMAT && crate::under_test::is_next() => Self::Next,
            _ => Self::First,
        }
    }
}

/// The level as far as this node knows it. The log may know more than a state that a power cut has set back.
#[derive(Clone, Debug)]
pub struct Level(Arc<AtomicU32>);

impl Default for Level {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(FIRST)))
    }
}

impl Level {
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn reach(&self, level: u32) {
        self.0.fetch_max(level, Ordering::Relaxed);
    }
}

impl Formats {
    /// Why a version that reads these cannot be in a cluster at that level, if it cannot.
    pub fn problem(self, level: u32) -> Option<String> {
        let Self { oldest, newest } = self;
        if level > newest {
            return Some(format!(
                "the cluster is at format {level}, and this version reads up to {newest}: it takes a newer version"
            ));
        }
        (level < oldest).then(|| {
            format!("the cluster is at format {level}, and this version reads from {oldest} on: a version between comes first")
        })
    }
}

/// As leader, raises the level when all members read the next one. One that does not answer keeps it where it is.
pub(crate) async fn raise(shared: Arc<Shared>, gate: Arc<Gate>) {
    loop {
        sleep(LOOK).await;
        let leadership = shared.leadership.borrow().clone();
        let next = shared.reader.format() + 1;
        if !leadership.is_ready() || next > shared.local.formats().newest {
            continue;
        }
        let all = members(shared.membership().membership());
        let reads =
            |id: u64| id == shared.id || shared.reports.within(FRESH, id).is_some_and(|report| report.format >= next);
        if all.iter().any(|(id, _)| !reads(*id)) {
            continue;
        }
        match propose(&shared, &gate, leadership.term, Command::Format(next)).await {
            Ok(_) => tracing::info!(format = next, "all members read the next format: the cluster goes over to it"),
            Err(_) => tracing::debug!(format = next, "the cluster could not go over to the next format yet"),
        }
    }
}

const LOOK: Duration = Duration::from_millis(500);
/// A report that is older says nothing: the node may be another version now.
const FRESH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_said() {
        let formats = Formats { oldest: 2, newest: 3 };
        assert!(formats.problem(1).unwrap().contains("reads from 2 on"));
        assert_eq!(formats.problem(2), None);
        assert_eq!(formats.problem(3), None);
        assert!(formats.problem(4).unwrap().contains("reads up to 3: it takes a newer version"));
    }
}
