//! A search for an order of overlapping operations on a register (Wing and Gong, with Lowe's memory of what was tried).
//!
//! Calls and returns stand in one list in time. The search takes the first call that fits, as if it happened now, and
//! lifts it out with its return. When it meets a return whose call it could not take, what it took last was wrong: it puts
//! that back and goes on behind it. The same operations taken, in whatever order, with the same value in the register,
//! are not tried again.

use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Write(u64),
    /// None: nothing was ever written.
    Read(Option<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub start: u64,
    pub end: u64,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ordered,
    /// No order gets past the return at this time.
    NoOrder {
        at: u64,
    },
    /// It would take more memory than it may.
    Undecided,
}

pub fn search(operations: &[Operation], limit: usize) -> Verdict {
    let mut list = List::new(operations);
    let mut taken = Taken::new(operations.len());
    let mut tried: HashSet<(Taken, Option<u64>)> = HashSet::new();
    let mut path: Vec<(usize, Option<u64>)> = Vec::new();
    let (mut value, mut at, mut furthest) = (None, list.first(), 0);
    while at != END {
        let Event { operation, call } = list.events[at];
        if call {
            let after = operations[operation].action.after(value);
            if let Some(after) = after {
                taken.set(operation, true);
                if tried.insert((taken.clone(), after)) {
                    path.push((at, value));
                    value = after;
                    list.lift(at);
                    at = list.first();
                } else {
                    taken.set(operation, false);
                    at = list.next[at];
                }
            } else {
                at = list.next[at];
            }
            if tried.len() > limit {
                return Verdict::Undecided;
            }
        } else {
            furthest = furthest.max(operations[operation].end);
            let Some((last, before)) = path.pop() else { return Verdict::NoOrder { at: furthest } };
            value = before;
            taken.set(list.events[last].operation, false);
            list.put_back(last);
            at = list.next[last];
        }
    }
    Verdict::Ordered
}

impl Action {
    /// The register's value afterwards, if this can happen at that value.
    fn after(self, value: Option<u64>) -> Option<Option<u64>> {
        match self {
            Self::Write(written) => Some(Some(written)),
            Self::Read(seen) => (seen == value).then_some(value),
        }
    }
}

/// A set of operations.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Taken(Box<[u64]>);

impl Taken {
    fn new(operations: usize) -> Self {
        Self(vec![0; operations.div_ceil(64)].into())
    }

    fn set(&mut self, operation: usize, to: bool) {
        let bit = 1 << (operation % 64);
        if to {
            self.0[operation / 64] |= bit;
        } else {
            self.0[operation / 64] &= !bit;
        }
    }
}

#[derive(Clone, Copy)]
struct Event {
    operation: usize,
    call: bool,
}

/// Calls and returns in time. The first place is nobody's; the last is followed by [`END`].
struct List {
    events: Vec<Event>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where an operation's return is.
    returns: Vec<usize>,
}

const END: usize = usize::MAX;
const HEAD: usize = 0;

impl List {
    fn new(operations: &[Operation]) -> Self {
        let both = |(index, op): (usize, &Operation)| [(op.start, false, index), (op.end.max(op.start), true, index)];
        let mut times: Vec<(u64, bool, usize)> = operations.iter().enumerate().flat_map(both).collect();
        // At the same time a call comes first: that allows more.
        times.sort_unstable();
        let mut events = vec![Event { operation: END, call: false }];
        let mut returns = vec![END; operations.len()];
        for (_, is_return, operation) in times {
            if is_return {
                returns[operation] = events.len();
            }
            events.push(Event { operation, call: !is_return });
        }
        let count = events.len();
        let next = (0..count).map(|at| if at + 1 < count { at + 1 } else { END }).collect();
        let previous = (0..count).map(|at| at.saturating_sub(1)).collect();
        Self { events, next, previous, returns }
    }

    fn first(&self) -> usize {
        self.next[HEAD]
    }

    /// Takes a call and its return out.
    fn lift(&mut self, call: usize) {
        for at in [call, self.returns[self.events[call].operation]] {
            let (previous, next) = (self.previous[at], self.next[at]);
            self.next[previous] = next;
            if next != END {
                self.previous[next] = previous;
            }
        }
    }

    /// In the opposite order of lifting.
    fn put_back(&mut self, call: usize) {
        for at in [self.returns[self.events[call].operation], call] {
            let (previous, next) = (self.previous[at], self.next[at]);
            self.next[previous] = at;
            if next != END {
                self.previous[next] = at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn write(value: u64, start: u64, end: u64) -> Operation {
        Operation { start, end, action: Action::Write(value) }
    }

    fn read(value: u64, start: u64, end: u64) -> Operation {
        Operation { start, end, action: Action::Read((value > 0).then_some(value)) }
    }

    fn ordered(operations: &[Operation]) -> bool {
        search(operations, 1_000_000) == Verdict::Ordered
    }

    #[test]
    fn one_after_the_other() {
        assert!(ordered(&[]));
        assert!(ordered(&[read(0, 0, 1), write(1, 2, 3), read(1, 4, 5), write(2, 6, 7), read(2, 8, 9)]));
        assert!(!ordered(&[write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)]));
        assert!(!ordered(&[write(1, 0, 1), read(0, 2, 3)]));
        assert!(!ordered(&[read(1, 0, 1), write(1, 2, 3)]));
    }

    #[test]
    fn at_the_same_time() {
        // Either order of the two writes, but the same for both readers.
        let writes = [write(1, 0, 10), write(2, 0, 10)];
        let with = |reads: &[Operation]| ordered(&[&writes[..], reads].concat());
        assert!(with(&[read(1, 11, 12)]));
        assert!(with(&[read(2, 11, 12)]));
        assert!(!with(&[read(1, 11, 12), read(2, 13, 14)]));
        assert!(with(&[read(1, 2, 3), read(2, 4, 5)]));
        assert!(!with(&[read(1, 2, 3), read(2, 4, 5), read(1, 6, 7)]));
    }

    #[test]
    fn a_search_gives_up_at_its_limit() {
        let operations: Vec<Operation> = (1..20).map(|n| write(n, 0, 100)).chain([read(99, 101, 102)]).collect();
        assert_eq!(search(&operations, 1000), Verdict::Undecided);
    }

    /// Clients on a real register, one step after another, each step somewhere within its operation's time.
    fn played(seed: u64, operations: u64) -> Vec<Operation> {
        let mut dice = Dice::new(seed);
        let (mut value, mut history) = (0, Vec::new());
        for step in 1..=operations {
            let (start, end) = (step * 10 - dice.below(60).min(step * 10), step * 10 + dice.below(60));
            history.push(if dice.chance(40) {
                value = step;
                write(step, start, end)
            } else {
                read(value, start, end)
            });
        }
        history
    }

    #[test]
    fn what_a_register_did_has_an_order() {
        for seed in 0..50 {
            assert!(ordered(&played(seed, 400)), "seed {seed}");
        }
    }

    #[test]
    fn a_stale_read_among_many_is_found() {
        for seed in 0..50 {
            let mut history = played(seed, 400);
            let end = history.iter().map(|op| op.end).max().unwrap();
            let stale = history.iter().find_map(|op| match op.action {
                Action::Write(value) => Some(value),
                Action::Read(_) => None,
            });
            history.push(read(stale.unwrap(), end + 1, end + 2));
            assert_eq!(search(&history, 1_000_000), Verdict::NoOrder { at: end + 2 }, "seed {seed}");
        }
    }
}
