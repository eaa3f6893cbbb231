//! Whether there is one order of a key's operations that explains all answers: asked of the values alone, by a search that
//! knows nothing of versions. It checks the other checker.

use std::collections::{BTreeMap, HashMap};

use super::wgl::{self, Action as Step, Operation, Verdict};
use crate::history::{Action, KeyOp, Seen};

#[derive(Default)]
pub struct Order {
    pub wrong: Vec<String>,
    pub undecided: usize,
}

pub fn check(ops: &[KeyOp]) -> Order {
    let mut keys: BTreeMap<&str, Vec<&KeyOp>> = BTreeMap::new();
    for op in ops {
        keys.entry(&op.key).or_default().push(op);
    }
    let mut order = Order::default();
    for (key, ops) in keys {
        match wgl::search(&register(&ops), LIMIT) {
            Verdict::Ordered => {}
            Verdict::NoOrder { at } => {
                order.wrong.push(format!("{key}: no order explains what is answered at {at} µs"))
            }
            Verdict::Undecided => order.undecided += 1,
        }
    }
    order
}

/// A write that may not have happened counts if somebody has read its value, and then it has happened by the end of the
/// first that did.
fn register(ops: &[&KeyOp]) -> Vec<Operation> {
    let mut read_by: HashMap<u64, u64> = HashMap::new();
    for op in ops.iter().filter(|op| op.action == Action::Read) {
        if let Seen::Version { serial, .. } = op.seen {
            let end = read_by.entry(serial).or_insert(op.end);
            *end = op.end.min(*end);
        }
    }
    let operation = |op: &&KeyOp| {
        let (action, end) = match (op.action, op.seen) {
            (Action::Write { serial }, Seen::Unknown) => (Step::Write(serial), *read_by.get(&serial)?),
            (Action::Write { serial }, _) => (Step::Write(serial), op.end),
            (Action::Read, Seen::Version { serial, .. }) => (Step::Read(Some(serial)), op.end),
            (Action::Read, Seen::Nothing) => (Step::Read(None), op.end),
            (Action::Read, Seen::Unknown) | (Action::ReadOld, _) => return None,
        };
        Some(Operation { start: op.start, end, action })
    };
    ops.iter().filter_map(operation).collect()
}

/// How many states the search may remember for one key.
const LIMIT: usize = 300_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn op(action: Action, start: u64, end: u64, seen: Seen) -> KeyOp {
        KeyOp { key: "k".to_owned(), node: 0, start, end, action, seen, index: None }
    }

    fn value(serial: u64) -> Seen {
        Seen::Version { version: 0, serial }
    }

    #[test]
    fn a_write_without_an_answer_may_have_happened_or_not() {
        let wrote = |serial, start, end| op(Action::Write { serial }, start, end, value(serial));
        let unclear = op(Action::Write { serial: 2 }, 2, 3, Seen::Unknown);
        let read = |serial, start| op(Action::Read, start, start + 1, value(serial));
        // Late, once, or never.
        let ordered = |ops: &[KeyOp]| check(ops).wrong.is_empty();
        assert!(ordered(&[wrote(1, 0, 1), unclear.clone(), read(1, 10), read(2, 20)]));
        assert!(ordered(&[wrote(1, 0, 1), unclear.clone(), read(1, 10)]));
        assert!(!ordered(&[wrote(1, 0, 1), unclear, read(2, 10), read(1, 20)]));
    }

    #[test]
    fn nothing_is_read_before_the_first_write_alone() {
        let wrote = op(Action::Write { serial: 1 }, 5, 6, value(1));
        let nothing = |start| op(Action::Read, start, start + 1, Seen::Nothing);
        assert!(check(&[wrote.clone(), nothing(0)]).wrong.is_empty());
        assert_eq!(check(&[wrote, nothing(7)]).wrong.len(), 1);
    }
}
