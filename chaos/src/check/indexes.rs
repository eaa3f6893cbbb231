//! Every write of the cluster, of whatever key, has a number of its own, and a later one has a higher.

use std::collections::HashMap;

use crate::history::{Action, KeyOp, Seen};

pub fn check(ops: &[KeyOp]) -> Vec<String> {
    let written = |op: &&KeyOp| matches!((op.action, op.seen), (Action::Write { .. }, Seen::Version { .. }));
    let mut wrong = Vec::new();
    let mut starts: Vec<(&KeyOp, u64)> = Vec::new();
    for op in ops.iter().filter(written) {
        match op.index {
            Some(index) => starts.push((op, index)),
            None => wrong.push(format!("a write of {} was acknowledged at {} µs without a number", op.key, op.end)),
        }
    }
    let mut known: HashMap<u64, &KeyOp> = HashMap::new();
    for (op, index) in &starts {
        if let Some(other) = known.insert(*index, op) {
            wrong.push(format!("writes of {} and {} both have the number {index}", other.key, op.key));
        }
    }
    let mut ends = starts.clone();
    starts.sort_by_key(|(op, _)| op.start);
    ends.sort_by_key(|(op, _)| op.end);
    let (mut done, mut highest) = (ends.iter().peekable(), 0);
    for (op, index) in starts {
        while let Some((_, ended)) = done.next_if(|(ended, _)| ended.end < op.start) {
            highest = highest.max(*ended);
        }
        if index <= highest {
            let begun = op.start;
            wrong.push(format!(
                "a write of {} from {begun} µs on has the number {index}, and there was {highest}",
                op.key
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(key: &str, index: u64, start: u64, end: u64) -> KeyOp {
        let seen = Seen::Version { version: 1, serial: index };
        let action = Action::Write { serial: index };
        KeyOp { key: key.to_owned(), node: 0, start, end, action, seen, index: Some(index) }
    }

    #[test]
    fn numbers_that_grow_pass() {
        // The second and third overlap.
        let good = [wrote("a", 1, 0, 1), wrote("b", 5, 2, 10), wrote("a", 4, 3, 9), wrote("c", 6, 11, 12)];
        assert_eq!(check(&good), Vec::<String>::new());
    }

    #[test]
    fn a_write_without_a_number_is_found() {
        let found = check(&[wrote("a", 1, 0, 1), KeyOp { index: None, ..wrote("d", 0, 20, 21) }]);
        assert_eq!(found, ["a write of d was acknowledged at 21 µs without a number"]);
    }

    #[test]
    fn a_number_given_twice_is_found() {
        let found = check(&[wrote("a", 7, 0, 10), wrote("b", 7, 0, 10)]);
        assert_eq!(found, ["writes of a and b both have the number 7"]);
    }

    #[test]
    fn a_number_that_goes_back_is_found() {
        let found = check(&[wrote("a", 7, 0, 1), wrote("b", 6, 2, 3)]);
        assert!(found[0].contains("has the number 6, and there was 7"), "{found:?}");
    }
}
