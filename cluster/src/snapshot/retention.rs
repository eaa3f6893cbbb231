//! How much log is kept, and when a checkpoint is due: by bytes and time, never by a count of entries.
//!
//! A restarted follower should catch up from the log, so at least the smaller of 1 GiB and ten minutes stays, more while
//! a live follower still needs it, and never more than 4 GiB. Only what a checkpoint covers can go.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::rt::WatchReceiver;

use crate::consensus::{NodeId, Raft};
use crate::log::LogStore;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Kept at least, if `keep_time` is longer.
    pub keep_bytes: u64,
    /// Kept at least, if `keep_bytes` is more.
    pub keep_time: Duration,
    /// Kept at most, whoever may need it.
    pub most_bytes: u64,
    /// A checkpoint is due after so much log.
    pub checkpoint_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_bytes: 1 << 30,
            keep_time: Duration::from_secs(600),
            most_bytes: 4 << 30,
            checkpoint_bytes: 512 << 20,
        }
    }
}

/// Where the log stood at one moment: its last index, and how many bytes it had taken in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: Duration,
    pub index: u64,
    pub bytes: u64,
}

/// What the policy decides from.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Time since the task began.
    pub now: Duration,
    /// Oldest first; the last one is of now.
    pub marks: &'a VecDeque<Mark>,
    pub checkpoint: Option<u64>,
    pub purged: Option<u64>,
    /// The position of the live follower that is furthest behind; none on a follower.
    pub slowest: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub checkpoint: bool,
    pub purge: Option<u64>,
}

pub fn decide(facts: &Facts<'_>, limits: &Limits) -> Plan {
    let Some(newest) = facts.marks.back() else { return Plan::default() };
    // The last mark that has at least so much log, or so much time, behind it.
    let behind = |bytes: u64| facts.marks.iter().rev().find(|m| newest.bytes.saturating_sub(m.bytes) >= bytes);
    let old = facts.marks.iter().rev().find(|m| facts.now.saturating_sub(m.at) >= limits.keep_time);
    let by_bytes = behind(limits.keep_bytes).map(|m| m.index);
    let by_time = old.map(|m| m.index);
    let may_go = by_bytes.max(by_time).map(|index| facts.slowest.map_or(index, |slowest| index.min(slowest)));
    let must_go = behind(limits.most_bytes).map(|m| m.index);
    let goal = may_go.max(must_go);

    let covered = facts.checkpoint.and_then(|at| facts.marks.iter().rev().find(|m| m.index <= at));
    let covered = covered.map_or(facts.marks.front().map_or(0, |m| m.bytes), |m| m.bytes);
    let due = newest.bytes.saturating_sub(covered) >= limits.checkpoint_bytes && facts.checkpoint != Some(newest.index);
    let purge = goal.min(facts.checkpoint).filter(|index| facts.purged.is_none_or(|purged| *index > purged));
    Plan { checkpoint: due, purge }
}

/// Keeps the log within its limits until Raft stops. `live` tells whether a follower answers at present.
pub async fn run(
    raft: Raft,
    log: LogStore,
    limits: Limits,
    every: Duration,
    live: Arc<dyn Fn(NodeId) -> bool + Send + Sync>,
) {
    let start = Instant::now();
    let mut marks = VecDeque::new();
    loop {
        tokio::time::sleep(every).await;
        let now = start.elapsed();
        remember(&mut marks, Mark { at: now, index: log.last().map_or(0, |id| id.index), bytes: log.appended_bytes() });
        let metrics = raft.metrics().borrow_watched().clone();
        if metrics.running_state.is_err() {
            return;
        }
        let slowest = metrics.replication.as_ref().and_then(|followers| {
            let behind = followers.iter().filter(|(id, _)| live(**id));
            behind.map(|(_, matched)| matched.as_ref().map_or(0, |id| id.index)).min()
        });
        let facts = Facts {
            now,
            marks: &marks,
            checkpoint: metrics.snapshot.as_ref().map(|id| id.index),
            purged: log.purged().map(|id| id.index),
            slowest,
        };
        let plan = decide(&facts, &limits);
        if plan.checkpoint && raft.trigger().snapshot().await.is_err() {
            return;
        }
        if let Some(index) = plan.purge
            && raft.trigger().purge_log(index).await.is_err()
        {
            return;
        }
    }
}

/// Adds a mark; when there are too many, every second of the older ones goes.
fn remember(marks: &mut VecDeque<Mark>, mark: Mark) {
    if marks.back().is_some_and(|last| last.index == mark.index) {
        return;
    }
    marks.push_back(mark);
    if marks.len() > MARKS {
        let mut keep = false;
        marks.retain(|_| {
            keep = !keep;
            keep
        });
    }
}

const MARKS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { keep_bytes: 100, keep_time: Duration::from_secs(60), most_bytes: 400, checkpoint_bytes: 50 };

    /// One entry of one byte a second, up to `n`.
    fn marks(n: u64) -> VecDeque<Mark> {
        (0..=n).map(|i| Mark { at: Duration::from_secs(i), index: i, bytes: i }).collect()
    }

    fn plan(n: u64, checkpoint: Option<u64>, slowest: Option<u64>) -> Plan {
        let marks = marks(n);
        let facts = Facts { now: Duration::from_secs(n), marks: &marks, checkpoint, purged: Some(0), slowest };
        decide(&facts, &LIMITS)
    }

    #[test]
    fn nothing_goes_without_a_checkpoint_that_covers_it() {
        assert_eq!(plan(300, None, None), Plan { checkpoint: true, purge: None });
        assert_eq!(plan(300, Some(10), None).purge, Some(10));
    }

    #[test]
    fn the_smaller_of_bytes_and_time_is_kept() {
        // 60 seconds are less than 100 bytes here.
        assert_eq!(plan(300, Some(290), None), Plan { checkpoint: false, purge: Some(240) });
        assert_eq!(plan(50, Some(50), None).purge, None, "younger and smaller than both");
    }

    #[test]
    fn a_live_follower_holds_the_log_up_to_the_most() {
        assert_eq!(plan(300, Some(290), Some(20)).purge, Some(20));
        assert_eq!(plan(500, Some(490), Some(20)).purge, Some(100), "500 less the 400 that are kept at most");
    }

    #[test]
    fn a_checkpoint_is_due_by_bytes_since_the_last() {
        assert!(!plan(300, Some(251), None).checkpoint);
        assert!(plan(300, Some(250), None).checkpoint);
        assert!(!plan(49, None, None).checkpoint);
        assert!(plan(50, None, None).checkpoint);
    }

    #[test]
    fn marks_are_bounded_and_keep_their_ends() {
        let mut all = VecDeque::new();
        for i in 0..20_000 {
            remember(&mut all, Mark { at: Duration::from_secs(i), index: i, bytes: i });
        }
        assert!(all.len() <= MARKS + 1);
        assert_eq!(all.back().unwrap().index, 19_999);
        assert_eq!(all.front().unwrap().index, 0);
    }
}
