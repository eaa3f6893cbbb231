//! What a primary gives to the secondary that it lets in: root key, join key, and what goes with them, sealed to the
//! question of the node that asked. As [lending](crate::Barrier::lend), but to another cluster: the name that the secondary
//! goes by is bound into the key as well.

use crypto::{Aead, Agreement, Key32, OpenError};
use storage::SealError;
use zeroize::Zeroizing;

use crate::lend::{FORMAT, public_of};
use crate::{Barrier, Between, Borrower, JoinKey, LendError, RootKey};

/// What was given.
pub struct Welcome {
    pub root: RootKey,
    pub join: JoinKey,
    /// What goes with the keys.
    pub rest: Zeroizing<Vec<u8>>,
}

impl Barrier {
    /// The caller has made sure that the secondary of that name may have it.
    pub fn welcome(&self, question: &[u8], between: Between, id: &str, rest: &[u8]) -> Result<Vec<u8>, LendError> {
        let (theirs, more) = public_of(question).ok_or(LendError::Malformed)?;
        if !more.is_empty() {
            return Err(LendError::Malformed);
        }
        let own = Agreement::fresh();
        let key = key(&own, theirs, [theirs, &own.public()], between, id).map_err(|_| LendError::Malformed)?;
        let sealed = self.with(|u| {
            // All the room at once: growing later would leave key bytes behind.
            let mut plain = Zeroizing::new(Vec::with_capacity(2 * KEY + rest.len()));
            plain.extend_from_slice(u.root.locked().expose());
            plain.extend_from_slice(u.keyring.join_key().expose());
            plain.extend_from_slice(rest);
            Aead::new(&key).seal(LABEL.as_bytes(), &plain)
        });
        let sealed = sealed.map_err(|_: SealError| LendError::Sealed)?;
        Ok([&[FORMAT], own.public().as_slice(), &sealed].concat())
    }
}

impl Borrower {
    pub fn open_welcome(&self, answer: &[u8], between: Between, id: &str) -> Result<Welcome, OpenError> {
        let (theirs, sealed) = public_of(answer).ok_or(OpenError)?;
        let key = key(&self.0, theirs, [&self.0.public(), theirs], between, id)?;
        let opened = Aead::new(&key).open(LABEL.as_bytes(), sealed)?;
        let (root, more) = opened.split_at_checked(KEY).ok_or(OpenError)?;
        let (join, rest) = more.split_at_checked(KEY).ok_or(OpenError)?;
        let key = |bytes| Key32::from_slice(bytes).map_err(|_| OpenError);
        Ok(Welcome {
            root: RootKey::from_key(key(root)?),
            join: JoinKey::from_key(key(join)?),
            rest: Zeroizing::new(rest.to_vec()),
        })
    }
}

fn key(
    own: &Agreement,
    theirs: &[u8; 32],
    [borrower, lender]: [&[u8; 32]; 2],
    between: Between,
    id: &str,
) -> Result<Key32, OpenError> {
    let Between { borrower: asks, lender: answers } = between;
    own.key(theirs, LABEL, &[borrower, lender, &asks.to_be_bytes(), &answers.to_be_bytes(), id.as_bytes()])
}

const LABEL: &str = "holdfast welcome to a secondary";
const KEY: usize = 32;

#[cfg(test)]
mod tests {
    use storage::Millis;

    use super::*;
    use crate::Keyring;

    const BETWEEN: Between = Between { borrower: 1, lender: 2 };

    #[test]
    fn it_opens_for_the_node_and_the_secondary_that_asked() {
        let primary = Barrier::new();
        assert_eq!(primary.welcome(&Borrower::new().question(), BETWEEN, "b", b"").err(), Some(LendError::Sealed));
        primary.unseal(Keyring::generate(Millis(1), JoinKey::random()), RootKey::random());
        let asks = Borrower::new();
        let answer = primary.welcome(&asks.question(), BETWEEN, "b", b"{}").unwrap();
        let welcome = asks.open_welcome(&answer, BETWEEN, "b").ok().unwrap();
        assert_eq!((welcome.root.id(), &welcome.rest[..]), (primary.root_key_id().unwrap(), &b"{}"[..]));
        primary.with(|u| assert!(crypto::ct_eq(welcome.join.expose(), u.keyring.join_key().expose()))).unwrap();

        assert!(asks.open_welcome(&answer, BETWEEN, "c").is_err(), "another secondary's");
        assert!(asks.open_welcome(&answer, Between { borrower: 3, ..BETWEEN }, "b").is_err());
        assert!(Borrower::new().open_welcome(&answer, BETWEEN, "b").is_err(), "another question's");
        assert!(asks.open(&answer, BETWEEN).is_err(), "it is no lent key");
        for at in 0..answer.len() {
            let mut bad = answer.clone();
            bad[at] ^= 1;
            assert!(asks.open_welcome(&bad, BETWEEN, "b").is_err(), "byte {at}");
        }
        for bad in [&b""[..], &[1; 32], &[1; 34], &[2; 33]] {
            assert_eq!(primary.welcome(bad, BETWEEN, "b", b"").err(), Some(LendError::Malformed));
        }
    }
}
