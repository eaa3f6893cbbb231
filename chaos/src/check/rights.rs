//! What was taken away does not work any more once that is acknowledged, on any node; what was given works until somebody
//! begins to take it.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Action, KeyOp, Micros, RightOp, Seen, Step};

pub fn check(ops: &[RightOp], keys: &[KeyOp]) -> Vec<String> {
    let mut rights: BTreeMap<&str, Vec<&RightOp>> = BTreeMap::new();
    for op in ops {
        rights.entry(&op.right).or_default().push(op);
    }
    let mut reads: HashMap<&str, Vec<(Micros, u64)>> = HashMap::new();
    for op in keys.iter().filter(|op| op.action == Action::Read) {
        let version = match op.seen {
            Seen::Version { version, .. } => version,
            Seen::Nothing => 0,
            Seen::Unknown => continue,
        };
        reads.entry(&op.key).or_default().push((op.start, version));
    }
    rights
        .into_iter()
        .flat_map(|(right, ops)| of_right(&ops, &reads).into_iter().map(move |text| format!("{right} {text}")))
        .collect()
}

fn of_right(ops: &[&RightOp], reads: &HashMap<&str, Vec<(Micros, u64)>>) -> Vec<String> {
    let given = ops.iter().filter(|op| op.step == Step::Given).map(|op| op.end).min();
    let takes = || ops.iter().filter(|op| matches!(op.step, Step::Taken { .. }));
    let begun = takes().map(|op| op.start).min().unwrap_or(Micros::MAX);
    let gone = takes().filter(|op| op.step == Step::Taken { acknowledged: true }).map(|op| op.end).min();
    let gone = gone.unwrap_or(Micros::MAX);
    let mut wrong = Vec::new();
    for op in ops {
        let node = op.node + 1;
        match &op.step {
            Step::Worked { .. } if op.start > gone => {
                wrong.push(format!("worked on node{node} from {} µs on, and was taken away at {gone} µs", op.start));
            }
            Step::Worked { wrote: Some((key, version)) } => {
                let seen = reads.get(key.as_str()).into_iter().flatten();
                if let Some((at, lower)) = seen.filter(|(start, seen)| *start > gone && seen < version).min() {
                    wrong.push(format!(
                        "made version {version} of {key} through node{node}, was taken away at {gone} µs, and at {at} µs there \
                         was version {lower} alone"
                    ));
                }
            }
            Step::Refused if op.end < begun && given.is_some_and(|given| op.start > given) => {
                wrong.push(format!("was refused by node{node} at {} µs, before anybody took it away", op.end));
            }
            _ => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(step: Step, start: u64, end: u64) -> RightOp {
        RightOp { right: "r".to_owned(), node: 0, start, end, step }
    }

    fn taken(start: u64, end: u64) -> RightOp {
        op(Step::Taken { acknowledged: true }, start, end)
    }

    const WORKED: Step = Step::Worked { wrote: None };

    fn wrote(version: u64) -> Step {
        Step::Worked { wrote: Some(("k".to_owned(), version)) }
    }

    fn read(version: u64, start: u64) -> KeyOp {
        let seen = Seen::Version { version, serial: version };
        KeyOp { key: "k".to_owned(), node: 1, start, end: start + 1, action: Action::Read, seen, index: None }
    }

    #[test]
    fn a_good_history_passes() {
        let unclear = op(Step::Taken { acknowledged: false }, 20, 21);
        let good = [
            op(Step::Refused, 0, 1),
            op(Step::Given, 0, 5),
            op(WORKED, 6, 7),
            // While it is taken away, either is right.
            unclear,
            op(Step::Refused, 22, 23),
            op(WORKED, 22, 23),
            op(wrote(7), 19, 60),
            taken(24, 30),
            op(Step::Refused, 31, 32),
        ];
        assert_eq!(check(&good, &[read(6, 29), read(7, 31)]), Vec::<String>::new());
        assert_eq!(check(&[op(Step::Given, 0, 1), op(WORKED, 2, 3)], &[]), Vec::<String>::new());
    }

    #[test]
    fn use_after_the_end_is_found() {
        let found = check(&[op(Step::Given, 0, 1), taken(2, 3), op(WORKED, 4, 5)], &[]);
        assert!(found[0].contains("worked on node1"), "{found:?}");
    }

    #[test]
    fn an_effect_after_the_end_is_found() {
        let found = check(&[op(Step::Given, 0, 1), op(wrote(7), 2, 50), taken(3, 10)], &[read(6, 11)]);
        assert!(found[0].contains("made version 7 of k"), "{found:?}");
    }

    #[test]
    fn a_refusal_too_early_is_found() {
        let found = check(&[op(Step::Given, 0, 1), op(Step::Refused, 2, 3), taken(4, 5)], &[]);
        assert!(found[0].contains("was refused"), "{found:?}");
    }
}
