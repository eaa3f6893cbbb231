//! Every answer is one that a client can do something with: no 500, and no connection that ends without a word, but by a
//! node that was killed or stood still.

use crate::history::{Oddity, OddityKind, Outage};

pub fn check(oddities: &[Oddity], outages: &[Outage]) -> Vec<String> {
    let mut wrong = Vec::new();
    for oddity in oddities {
        let excused = outages.iter().any(|outage| overlap(outage, oddity));
        let Oddity { node, start, end, request, kind } = oddity;
        let said = match kind {
            // What a node says while it is removed, or comes back, it says to whoever looks after it.
            OddityKind::Status { status: 501 | 530, .. } if excused => continue,
            OddityKind::Status { status, body } => format!("{status} {body}"),
            OddityKind::Broken { .. } if excused => continue,
            OddityKind::Broken { problem } => format!("no answer ({problem})"),
        };
        wrong.push(format!("{request} to node{} from {start} to {end} µs: {said}", node + 1));
    }
    wrong
}

fn overlap(outage: &Outage, oddity: &Oddity) -> bool {
    outage.node == oddity.node
        && outage.start <= oddity.end + MARGIN
        && outage.end.is_none_or(|end| end + MARGIN >= oddity.start)
}

/// A process is gone a little before that is written down.
const MARGIN: u64 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(node: usize, start: u64, kind: OddityKind) -> Oddity {
        Oddity { node, start, end: start + 1, request: "GET x".to_owned(), kind }
    }

    fn broken() -> OddityKind {
        OddityKind::Broken { problem: "closed".to_owned() }
    }

    fn status(status: u16, body: &str) -> OddityKind {
        OddityKind::Status { status, body: body.to_owned() }
    }

    const OUTAGE: Outage = Outage { node: 0, start: 10_000_000, end: Some(20_000_000) };

    #[test]
    fn a_broken_connection_is_excused_by_an_outage_of_that_node_alone() {
        let wrong = |oddity| check(&[oddity], &[OUTAGE]).len();
        assert_eq!(wrong(odd(0, 15_000_000, broken())), 0);
        assert_eq!(wrong(odd(1, 15_000_000, broken())), 1);
        assert_eq!(wrong(odd(0, 5_000_000, broken())), 1);
        assert_eq!(wrong(odd(0, 25_000_000, broken())), 1);
        let lasting = Outage { end: None, ..OUTAGE };
        assert!(check(&[odd(0, 25_000_000, broken())], &[lasting]).is_empty());
    }

    #[test]
    fn a_500_is_never_excused() {
        let found = check(&[odd(0, 15_000_000, status(500, "internal error"))], &[OUTAGE]);
        assert!(found[0].contains("500 internal error"), "{found:?}");
    }
}
