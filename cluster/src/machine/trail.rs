//! The fingerprints of the newest revisions: what another node says of one of them can be compared.

use std::collections::VecDeque;

use storage::Revision;

use super::position::Position;

/// What is known of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Fingerprint([u8; 32]),
    /// The state has not come to it.
    NotYet,
    /// It was too long ago, before the state came here as a whole, or is none of this history.
    Forgotten,
}

/// The oldest first. It is in memory alone: after a start it begins where the state stands.
#[derive(Debug, Default)]
pub(super) struct Trail(VecDeque<(Revision, [u8; 32])>);

impl Trail {
    pub fn from(position: &Position) -> Self {
        let mut trail = Self::default();
        trail.note(position);
        trail
    }

    pub fn note(&mut self, position: &Position) {
        if self.0.back().is_some_and(|(revision, _)| *revision == position.revision) {
            return;
        }
        if self.0.len() == MAX {
            self.0.pop_front();
        }
        self.0.push_back((position.revision, position.fingerprint));
    }

    /// Revisions only grow, and so does their order here.
    pub fn at(&self, revision: Revision) -> Seen {
        match self.0.binary_search_by_key(&revision, |(revision, _)| *revision) {
            Ok(at) => Seen::Fingerprint(self.0[at].1),
            Err(at) if at == self.0.len() => Seen::NotYet,
            Err(_) => Seen::Forgotten,
        }
    }
}

/// Six seconds of the most writes that a cluster was seen to take, in less than 4 MiB.
const MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use storage::Epoch;

    use super::*;

    fn at(number: u32, n: u64) -> Position {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&n.to_be_bytes());
        let revision = Revision { epoch: Epoch { number, bits: 7 }, n };
        Position { revision, fingerprint, ..Position::default() }
    }

    #[test]
    fn it_knows_the_newest_revisions_and_no_others() {
        let mut trail = Trail::from(&at(1, 5));
        (6..10).for_each(|n| trail.note(&at(1, n)));
        trail.note(&at(1, 9));
        assert_eq!(trail.at(at(1, 5).revision), Seen::Fingerprint(at(1, 5).fingerprint));
        assert_eq!(trail.at(at(1, 9).revision), Seen::Fingerprint(at(1, 9).fingerprint));
        assert_eq!(trail.at(at(1, 4).revision), Seen::Forgotten);
        assert_eq!(trail.at(at(1, 10).revision), Seen::NotYet);
        // A load begins another line of history, at a lower number.
        trail.note(&at(2, 3));
        assert_eq!(trail.at(at(1, 10).revision), Seen::Forgotten, "it was never here");
        assert_eq!(trail.at(at(2, 3).revision), Seen::Fingerprint(at(2, 3).fingerprint));
        assert_eq!(trail.at(at(2, 4).revision), Seen::NotYet);
    }

    #[test]
    fn it_is_bounded() {
        let mut trail = Trail::default();
        let many = MAX as u64 + 10;
        (1..=many).for_each(|n| trail.note(&at(1, n)));
        assert_eq!(trail.0.len(), MAX);
        assert_eq!(trail.at(at(1, 10).revision), Seen::Forgotten);
        assert_eq!(trail.at(at(1, 11).revision), Seen::Fingerprint(at(1, 11).fingerprint));
    }
}
