//! The versions of a key are its index: they tell in n log n what an order of all operations would.
//!
//! - Nobody sees a version below one that was made or seen before they began.
//! - A write makes a version above all that.
//! - A version has one value, a value one version.
//! - What is read was written, by somebody who had begun before the reader ended.
//! - There are no more versions than writes that may have happened.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Action, KeyOp, Seen};

pub fn check(ops: &[KeyOp]) -> Vec<String> {
    let mut keys: BTreeMap<&str, Vec<&KeyOp>> = BTreeMap::new();
    for op in ops {
        keys.entry(&op.key).or_default().push(op);
    }
    keys.into_iter().flat_map(|(key, ops)| of_key(&ops).into_iter().map(move |text| format!("{key}: {text}"))).collect()
}

fn of_key(ops: &[&KeyOp]) -> Vec<String> {
    let mut wrong = values(ops);
    wrong.extend(floors(ops));
    wrong
}

/// What an operation saw, as a number; none if it saw nothing that tells.
fn version(op: &KeyOp) -> Option<u64> {
    match (op.seen, op.action) {
        (_, Action::ReadOld) | (Seen::Unknown, _) => None,
        (Seen::Nothing, _) => Some(0),
        (Seen::Version { version, .. }, _) => Some(version),
    }
}

fn floors(ops: &[&KeyOp]) -> Vec<String> {
    let mut starts: Vec<(&KeyOp, u64)> = ops.iter().filter_map(|op| Some((*op, version(op)?))).collect();
    let mut ends = starts.clone();
    starts.sort_by_key(|(op, _)| op.start);
    ends.sort_by_key(|(op, _)| op.end);
    let (mut wrong, mut done, mut floor) = (Vec::new(), ends.iter().peekable(), None::<(&KeyOp, u64)>);
    for (op, version) in starts {
        while let Some(ended) = done.next_if(|(ended, _)| ended.end < op.start) {
            if floor.is_none_or(|(_, known)| ended.1 > known) {
                floor = Some(*ended);
            }
        }
        let Some((before, known)) = floor else { continue };
        let writes = matches!(op.action, Action::Write { .. });
        if version < known || (writes && version == known) {
            let did = if writes { "wrote" } else { "read" };
            wrong.push(format!(
                "node{} {did} version {version} from {} to {} µs, and version {known} was acknowledged by node{} at {} µs",
                op.node + 1,
                op.start,
                op.end,
                before.node + 1,
                before.end,
            ));
        }
    }
    wrong
}

fn values(ops: &[&KeyOp]) -> Vec<String> {
    let mut wrong = Vec::new();
    let writes: HashMap<u64, &KeyOp> = ops
        .iter()
        .filter_map(|op| match op.action {
            Action::Write { serial } => Some((serial, *op)),
            _ => None,
        })
        .collect();
    let (mut serials, mut versions) = (HashMap::new(), HashMap::new());
    for op in ops {
        let Seen::Version { version, serial } = op.seen else { continue };
        let known = *serials.entry(version).or_insert(serial);
        if known != serial {
            wrong.push(format!(
                "version {version} has the values {known} and {serial} (node{}, {} µs)",
                op.node + 1,
                op.end
            ));
        }
        let known = *versions.entry(serial).or_insert(version);
        if known != version {
            wrong.push(format!(
                "value {serial} has the versions {known} and {version} (node{}, {} µs)",
                op.node + 1,
                op.end
            ));
        }
        match writes.get(&serial) {
            None => wrong.push(format!("value {serial} of version {version} was read, and nobody wrote it")),
            Some(write) if write.start > op.end => {
                wrong.push(format!("value {serial} was read at {} µs and written from {} µs on", op.end, write.start));
            }
            Some(_) => {}
        }
    }
    let highest = serials.keys().max().copied().unwrap_or(0);
    if highest > writes.len() as u64 {
        wrong.push(format!("there is a version {highest}, and {} writes may have happened", writes.len()));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(action: Action, start: u64, end: u64, seen: Seen) -> KeyOp {
        KeyOp { key: "k".to_owned(), node: 0, start, end, action, seen, index: None }
    }

    fn wrote(serial: u64, version: u64, start: u64, end: u64) -> KeyOp {
        op(Action::Write { serial }, start, end, Seen::Version { version, serial })
    }

    fn read(serial: u64, version: u64, start: u64, end: u64) -> KeyOp {
        op(Action::Read, start, end, Seen::Version { version, serial })
    }

    fn unclear(serial: u64, start: u64) -> KeyOp {
        op(Action::Write { serial }, start, start + 1, Seen::Unknown)
    }

    fn nothing(start: u64, end: u64) -> KeyOp {
        op(Action::Read, start, end, Seen::Nothing)
    }

    #[track_caller]
    fn wrong(ops: &[KeyOp], holds: &str) {
        let found = check(ops);
        assert!(found.iter().any(|text| text.contains(holds)), "{holds:?} is not in {found:?}");
    }

    #[test]
    fn a_good_history_passes() {
        let good = [
            nothing(0, 5),
            wrote(10, 1, 1, 9),
            // At the same time, seen in either order.
            read(10, 1, 2, 3),
            wrote(11, 2, 10, 20),
            read(10, 1, 12, 14),
            read(11, 2, 13, 15),
            // Without an answer, and done all the same.
            unclear(12, 21),
            read(12, 3, 30, 31),
            unclear(13, 32),
            op(Action::ReadOld, 50, 51, Seen::Version { version: 1, serial: 10 }),
        ];
        assert_eq!(check(&good), Vec::<String>::new());
    }

    #[test]
    fn a_stale_read_is_found() {
        wrong(&[wrote(1, 1, 0, 1), wrote(2, 2, 2, 3), read(1, 1, 4, 5)], "read version 1");
        wrong(&[wrote(1, 1, 0, 1), nothing(2, 3)], "read version 0");
    }

    #[test]
    fn a_read_below_an_earlier_read_is_found() {
        wrong(&[wrote(1, 1, 0, 1), unclear(2, 2), read(2, 2, 10, 11), read(1, 1, 12, 13)], "read version 1");
    }

    #[test]
    fn a_lost_write_is_found_by_the_last_read() {
        wrong(&[wrote(1, 1, 0, 1), wrote(2, 2, 2, 3), read(1, 1, 100, 101)], "version 2 was acknowledged");
    }

    #[test]
    fn a_version_given_twice_is_found() {
        wrong(&[wrote(1, 1, 0, 1), wrote(2, 1, 0, 3)], "has the values 1 and 2");
        wrong(&[wrote(1, 1, 0, 1), wrote(2, 1, 2, 3)], "wrote version 1");
    }

    #[test]
    fn a_value_with_two_versions_is_found() {
        wrong(&[wrote(1, 1, 0, 9), read(1, 2, 1, 9), unclear(2, 0)], "has the versions 1 and 2");
    }

    #[test]
    fn a_value_out_of_nowhere_is_found() {
        wrong(&[wrote(1, 1, 0, 1), read(7, 2, 2, 3), unclear(2, 0)], "nobody wrote it");
    }

    #[test]
    fn a_value_read_before_it_is_written_is_found() {
        wrong(&[read(1, 1, 0, 1), wrote(1, 1, 2, 3)], "written from 2");
    }

    #[test]
    fn a_write_that_ran_twice_is_found() {
        wrong(&[wrote(1, 1, 0, 1), wrote(2, 3, 2, 3)], "there is a version 3, and 2 writes");
    }
}
