//! What the latest batches have changed, for whoever keeps something derived from the state.
//!
//! **Invariant:** a store notes a change before any snapshot can show it. So a snapshot can always say what lies between
//! an earlier revision and its own, or that this is not known any more; there is nothing to hear in time.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::apply::Effects;
use crate::{Class, RawKey, Revision};

/// The replicated keys that one batch has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Changed {
    /// Put or deleted.
    pub keys: Box<[RawKey]>,
    /// Emptied.
    pub prefixes: Box<[RawKey]>,
}

/// What a step of the state has changed.
pub enum Change {
    Keys(Changed),
    /// Any key: another state took its place, or another line of history began.
    Everything,
}

impl Change {
    /// None if no replicated key changes.
    pub fn of(effects: &Effects) -> Option<Self> {
        let replicated = |key: &&RawKey| key.class() == Class::Replicated;
        effects.replicated.then(|| {
            Self::Keys(Changed {
                keys: effects.puts.keys().chain(&effects.deletes).filter(replicated).cloned().collect(),
                prefixes: effects.prefix_deletes.iter().filter(replicated).cloned().collect(),
            })
        })
    }
}

impl Changed {
    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        self.keys.iter().chain(&self.prefixes).map(|key| KEY + key.as_bytes().len()).sum()
    }
}

/// Bounded: of what was longer ago it says that it does not know.
#[derive(Default)]
pub struct Journal(Mutex<Noted>);

/// The changes without a gap, the last of which has led to `last`.
#[derive(Default)]
struct Noted {
    last: Revision,
    changes: VecDeque<Arc<Changed>>,
    bytes: usize,
}

impl Journal {
    /// Notes the change that leads to `revision`.
    pub fn note(&self, revision: Revision, change: Change) {
        let mut noted = self.0.lock();
        match change {
            Change::Keys(changed) if noted.last.next() == revision && changed.bytes() <= BYTES => {
                noted.last = revision;
                noted.bytes += changed.bytes();
                noted.changes.push_back(Arc::new(changed));
                while noted.changes.len() > CHANGES || noted.bytes > BYTES {
                    let gone = noted.changes.pop_front().map_or(0, |changed| changed.bytes());
                    noted.bytes -= gone;
                }
            }
            _ => *noted = Noted { last: revision, ..Noted::default() },
        }
    }

    /// The changes behind `after` up to `upto`, each with the `n` it led to. None if they are not all known.
    pub fn between(&self, after: Revision, upto: Revision) -> Option<Vec<(u64, Arc<Changed>)>> {
        let noted = self.0.lock();
        let oldest = noted.last.n - noted.changes.len() as u64;
        let known = after.epoch == noted.last.epoch && upto.epoch == noted.last.epoch;
        if !known || after.n < oldest || after.n > upto.n || upto.n > noted.last.n {
            return None;
        }
        let skipped = usize::try_from(after.n - oldest).ok()?;
        let numbered = (after.n + 1..=upto.n).zip(noted.changes.iter().skip(skipped));
        Some(numbered.map(|(n, changed)| (n, Arc::clone(changed))).collect())
    }
}

/// How many changes are known at most.
const CHANGES: usize = 4096;
/// What they take in all.
const BYTES: usize = 8 << 20;
/// About what a key takes besides its own bytes.
const KEY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epoch;

    fn at(n: u64) -> Revision {
        Revision { epoch: Epoch { number: 1, bits: 0 }, n }
    }

    fn changed(keys: usize) -> Change {
        let keys = vec![RawKey::root(Class::Replicated).plain("a"); keys];
        Change::Keys(Changed { keys: keys.into(), prefixes: Box::default() })
    }

    fn numbers(journal: &Journal, after: u64, upto: u64) -> Option<Vec<u64>> {
        journal.between(at(after), at(upto)).map(|changes| changes.iter().map(|(n, _)| *n).collect())
    }

    #[test]
    fn it_says_what_lies_between_two_revisions_or_that_it_does_not_know() {
        let journal = Journal::default();
        journal.note(at(5), Change::Everything);
        for n in 6..=9 {
            journal.note(at(n), changed(1));
        }
        assert_eq!(numbers(&journal, 5, 9), Some(vec![6, 7, 8, 9]));
        assert_eq!(numbers(&journal, 7, 8), Some(vec![8]));
        assert_eq!(numbers(&journal, 9, 9), Some(vec![]));
        assert_eq!(numbers(&journal, 4, 9), None, "before it began");
        assert_eq!(numbers(&journal, 9, 10), None, "not noted yet");
        assert_eq!(numbers(&journal, 8, 7), None);
        let elsewhere = Revision { epoch: Epoch { number: 2, bits: 0 }, n: 9 };
        assert_eq!(journal.between(at(7), elsewhere), None);
        journal.note(at(11), changed(1));
        assert_eq!(numbers(&journal, 9, 11), None, "one is missing between");
        assert_eq!(numbers(&journal, 11, 11), Some(vec![]));
    }

    #[test]
    fn it_forgets_the_oldest_beyond_its_bounds() {
        let journal = Journal::default();
        journal.note(at(0), Change::Everything);
        for n in 1..=CHANGES as u64 + 10 {
            journal.note(at(n), changed(1));
        }
        let last = CHANGES as u64 + 10;
        assert_eq!(numbers(&journal, 9, last), None);
        assert_eq!(numbers(&journal, 10, last).unwrap().len(), CHANGES);
        let Change::Keys(one) = changed(1) else { unreachable!() };
        let fit = BYTES / one.bytes();
        journal.note(at(last + 1), changed(fit));
        assert_eq!(numbers(&journal, last, last + 1), Some(vec![last + 1]));
        assert_eq!(numbers(&journal, last - 1, last + 1), None);
        journal.note(at(last + 2), changed(fit + 1));
        assert_eq!(numbers(&journal, last + 1, last + 2), None, "its keys take too much");
    }
}
