//! Where two nodes are at the same revision they have the same state, and none has found out that it has not.

use std::collections::HashMap;

use crate::history::Sighting;

pub fn check(sightings: &[Sighting]) -> Vec<String> {
    let mut known: HashMap<&str, &Sighting> = HashMap::new();
    let mut wrong = Vec::new();
    for sighting in sightings {
        if let Some(why) = &sighting.diverged {
            wrong.push(format!("node{} has stopped: {why}", sighting.node + 1));
        }
        let first = *known.entry(&sighting.revision).or_insert(sighting);
        if first.fingerprint != sighting.fingerprint {
            let nodes = (first.node + 1, sighting.node + 1);
            wrong.push(format!(
                "at revision {} node{} and node{} have different states",
                sighting.revision, nodes.0, nodes.1
            ));
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(node: usize, revision: &str, fingerprint: &str) -> Sighting {
        let (revision, fingerprint) = (revision.to_owned(), fingerprint.to_owned());
        Sighting { node, at: 0, revision, fingerprint, diverged: None }
    }

    #[test]
    fn equal_states_pass_and_different_ones_do_not() {
        let mut seen = vec![sighting(0, "1", "a"), sighting(1, "2", "b"), sighting(2, "1", "a")];
        assert_eq!(check(&seen), Vec::<String>::new());
        seen.push(sighting(2, "2", "c"));
        seen.push(sighting(2, "2", "c"));
        assert_eq!(check(&seen), ["at revision 2 node2 and node3 have different states"]);
        seen.truncate(1);
        seen[0].diverged = Some("it differs".to_owned());
        assert_eq!(check(&seen), ["node1 has stopped: it differs"]);
    }
}
