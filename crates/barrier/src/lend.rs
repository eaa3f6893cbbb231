//! Lending the root key to a fellow member that was started anew.
//!
//! ```text
//!   borrower (sealed)                              lender (unsealed)
//!     │ a fresh X25519 key                            │ decides whether the asker may have it
//!     ├────────────────────────────────────────────▶  │ a fresh key of its own; the key of both seals the root key
//!     │ ◀──────────────────────────────────────────── ┤
//!     │ opens it, once                                │
//! ```
//!
//! Who talks to whom is for the connection to prove: both ends of it are pinned. What is sealed here keeps the root key out of
//! every buffer that lies between the two barriers. Who is meant is bound into the key: an answer opens for nobody else.

use crypto::{Aead, Agreement, Key32, OpenError};
use storage::SealError;

use crate::{Barrier, RootKey};

/// A node that asks. Each question has a key of its own.
pub struct Borrower(pub(crate) Agreement);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LendError {
    #[error("the node that was asked is sealed")]
    Sealed,
    #[error("the question is not well formed")]
    Malformed,
}

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    pub borrower: u64,
    pub lender: u64,
}

impl Borrower {
    pub fn new() -> Self {
        Self(Agreement::fresh())
    }

    /// What to send.
    pub fn question(&self) -> Vec<u8> {
        [&[FORMAT], self.0.public().as_slice()].concat()
    }

    pub fn open(&self, answer: &[u8], between: Between) -> Result<RootKey, OpenError> {
        let (theirs, sealed) = public_of(answer).ok_or(OpenError)?;
        let key = key(&self.0, theirs, &self.0.public(), theirs, between)?;
        let opened = Aead::new(&key).open(LABEL.as_bytes(), sealed)?;
        Key32::from_slice(&opened).map(RootKey::from_key).map_err(|_| OpenError)
    }
}

impl Default for Borrower {
    fn default() -> Self {
        Self::new()
    }
}

impl Barrier {
    /// The root key, for whoever made the question and nobody else. The caller has made sure that it may have it.
    pub fn lend(&self, question: &[u8], between: Between) -> Result<Vec<u8>, LendError> {
        let (theirs, rest) = public_of(question).ok_or(LendError::Malformed)?;
        if !rest.is_empty() {
            return Err(LendError::Malformed);
        }
        let own = Agreement::fresh();
        let key = key(&own, theirs, theirs, &own.public(), between).map_err(|_| LendError::Malformed)?;
        let sealed = self.with_root(|root| Aead::new(&key).seal(LABEL.as_bytes(), root.locked().expose()));
        let sealed = sealed.map_err(|_: SealError| LendError::Sealed)?;
        Ok([&[FORMAT], own.public().as_slice(), &sealed].concat())
    }
}

fn key(
    own: &Agreement,
    theirs: &[u8; 32],
    borrower: &[u8; 32],
    lender: &[u8; 32],
    between: Between,
) -> Result<Key32, OpenError> {
    let Between { borrower: asks, lender: answers } = between;
    own.key(theirs, LABEL, &[borrower, lender, &asks.to_be_bytes(), &answers.to_be_bytes()])
}

pub(crate) fn public_of(bytes: &[u8]) -> Option<(&[u8; 32], &[u8])> {
    let (format, rest) = bytes.split_first()?;
    rest.split_first_chunk().filter(|_| *format == FORMAT)
}

const LABEL: &str = "holdfast lent root key";
pub(crate) const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use storage::Millis;

    use super::*;
    use crate::{JoinKey, Keyring};

    const BETWEEN: Between = Between { borrower: 1, lender: 2 };

    fn unsealed() -> Barrier {
        let barrier = Barrier::new();
        barrier.unseal(Keyring::generate(Millis(1), JoinKey::random()), RootKey::random());
        barrier
    }

    fn id(barrier: &Barrier) -> crate::RootKeyId {
        barrier.root_key_id().unwrap()
    }

    #[test]
    fn it_opens_for_the_one_that_asked() {
        let lender = unsealed();
        let borrower = Borrower::new();
        let answer = lender.lend(&borrower.question(), BETWEEN).unwrap();
        assert_eq!(borrower.open(&answer, BETWEEN).ok().map(|root| root.id()), Some(id(&lender)));

        assert!(Borrower::new().open(&answer, BETWEEN).is_err(), "another question's");
        for other in [Between { borrower: 3, ..BETWEEN }, Between { lender: 3, ..BETWEEN }] {
            assert!(borrower.open(&answer, other).is_err());
        }
        for at in 0..answer.len() {
            let mut bad = answer.clone();
            bad[at] ^= 1;
            assert!(borrower.open(&bad, BETWEEN).is_err(), "byte {at}");
            assert!(borrower.open(&answer[..at], BETWEEN).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_question_and_who_is_sealed_gets_no_answer() {
        let lender = unsealed();
        for bad in [&b""[..], &[1; 32], &[1; 34], &[2; 33], &[1, 0, 0]] {
            assert_eq!(lender.lend(bad, BETWEEN).err(), Some(LendError::Malformed));
        }
        let mut zero = [0; 33];
        zero[0] = FORMAT;
        assert_eq!(lender.lend(&zero, BETWEEN).err(), Some(LendError::Malformed), "a key of small order");
        lender.seal();
        assert_eq!(lender.lend(&Borrower::new().question(), BETWEEN).err(), Some(LendError::Sealed));
    }
}
