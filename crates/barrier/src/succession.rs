//! Going over to the keys of a state that takes the place of another one: that of a restored backup, or that of another
//! cluster, which this one becomes the copy of.
//!
//! A keyring of the same root key opens by itself. Another cluster's root key comes into the state together with its records,
//! sealed under the root key of before: every unsealed node goes over by itself, and nobody is asked for shares.

use std::sync::Arc;

use crypto::{Aead, Key32, OpenError};
use storage::SealError;

use crate::unsealed::Unsealed;
use crate::{Barrier, InstallError, Keyring, RootKey};

/// What a state says of its keys.
pub struct Offered {
    /// Sealed under its root key.
    pub keyring: Vec<u8>,
    /// Its root key, sealed under the one before.
    pub successor: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// By the root key that was held.
    Kept,
    /// By another one, which is held from now on.
    Succeeded,
}

impl Barrier {
    /// Goes over to the keys of the newest state, which `read` reads: nobody else changes the keys meanwhile, so what it
    /// reads is never older than what is held.
    pub fn reopen<E: From<InstallError>>(&self, read: impl FnOnce() -> Result<Offered, E>) -> Result<Reopened, E> {
        let _replacing = self.replacing.lock();
        let current = self.current()?;
        let offered = read()?;
        // Another line of history: whether they are open there, and by which keys, is to be seen anew.
        self.tenants.store(Arc::default());
        let own = Keyring::open_with(&current.root, &offered.keyring).map_err(InstallError::from);
        let (root, keyring, before) = match (own, offered.successor) {
            (Ok(keyring), _) if is_same(&keyring, &current.keyring) => return Ok(Reopened::Kept),
            (Ok(keyring), _) => (Arc::clone(&current.root), keyring, Some(&*current)),
            (Err(problem), None) => return Err(problem.into()),
            (Err(problem), Some(sealed)) => {
                // What does not open succeeds another root key than this one.
                let root = open(&current.root, &sealed).map_err(|_| problem)?;
                let keyring = Keyring::open_with(&root, &offered.keyring).map_err(InstallError::from)?;
                (Arc::new(root), keyring, None)
            }
        };
        let succeeded = before.is_none();
        self.state.store(Some(Arc::new(Unsealed::new(root, keyring, before))));
        Ok(if succeeded { Reopened::Succeeded } else { Reopened::Kept })
    }

    /// A root key for whoever holds the present one.
    pub fn seal_successor(&self, next: &RootKey) -> Result<Vec<u8>, SealError> {
        self.with_root(|root| [&[FORMAT], &*cipher(root).seal(AAD, next.locked().expose())].concat())
    }
}

fn open(root: &RootKey, sealed: &[u8]) -> Result<RootKey, OpenError> {
    let sealed = sealed.strip_prefix(&[FORMAT]).ok_or(OpenError)?;
    let opened = cipher(root).open(AAD, sealed)?;
    Key32::from_slice(&opened).map(RootKey::from_key).map_err(|_| OpenError)
}

fn cipher(root: &RootKey) -> Aead {
    Aead::new(&crypto::derive_key(root.locked().expose(), "holdfast successor key"))
}

fn is_same(one: &Keyring, other: &Keyring) -> bool {
    one.edition() == other.edition() && one.is_part_of(other) && other.is_part_of(one)
}

const FORMAT: u8 = 1;
const AAD: &[u8] = b"holdfast succeeding root key\x01";

#[cfg(test)]
mod tests {
    use storage::{Class, Millis, RawKey, Sealer};

    use super::*;
    use crate::JoinKey;

    fn unsealed() -> (Barrier, Vec<u8>) {
        let (root, barrier) = (RootKey::random(), Barrier::new());
        let sealed = Keyring::generate(Millis(1), JoinKey::random()).seal_with(&root);
        barrier.unseal(Keyring::open_with(&root, &sealed).unwrap(), root);
        (barrier, sealed)
    }

    fn reopen(barrier: &Barrier, keyring: &[u8], successor: Option<&[u8]>) -> Result<Reopened, InstallError> {
        let successor = successor.map(<[u8]>::to_vec);
        barrier.reopen(|| Ok(Offered { keyring: keyring.to_vec(), successor }))
    }

    fn seal_for(barrier: &Barrier, next: &Barrier) -> Vec<u8> {
        next.with_root(|root| barrier.seal_successor(root)).unwrap().unwrap()
    }

    fn key() -> RawKey {
        RawKey::root(Class::Replicated).plain("k")
    }

    #[test]
    fn every_holder_of_the_old_root_key_goes_over_and_nobody_else() {
        let ((old, first), (other, _), (theirs, keyring)) = (unsealed(), unsealed(), unsealed());
        let value = theirs.seal_value(&key(), b"theirs").unwrap();
        let successor = seal_for(&old, &theirs);
        assert!(reopen(&old, &keyring, None).is_err());
        assert!(reopen(&other, &keyring, Some(&successor)).is_err(), "another root key's");
        assert_eq!(reopen(&old, &first, Some(&successor)).unwrap(), Reopened::Kept, "before the state has changed");
        assert_eq!(reopen(&old, &keyring, Some(&successor)).unwrap(), Reopened::Succeeded);
        assert_eq!(old.open_value(&key(), &value).unwrap()[..], *b"theirs");
        assert_eq!(old.root_key_id(), theirs.root_key_id());
        assert_eq!(reopen(&old, &keyring, Some(&successor)).unwrap(), Reopened::Kept);
        for at in 0..successor.len() {
            let mut bad = successor.clone();
            bad[at] ^= 1;
            assert!(reopen(&other, &keyring, Some(&bad)).is_err(), "byte {at}");
        }
    }

    /// What the former primary has rotated to since is nowhere in the state that it goes over to, so it must not go on.
    #[test]
    fn a_data_key_that_the_state_does_not_have_is_given_up() {
        let (old, shared) = unsealed();
        old.install(&old.rotated(Millis(2)).unwrap().bytes).unwrap();
        old.install(&old.rotated(Millis(3)).unwrap().bytes).unwrap();
        assert_eq!(old.active_term(), Ok(3));
        assert_eq!(reopen(&old, &shared, None).unwrap(), Reopened::Kept);
        assert_eq!(old.active_term(), Ok(1));
        assert!(old.install(&old.rotated(Millis(4)).unwrap().bytes).unwrap());
    }

    /// In the state that is gone over to a tenant may be sealed, or have other keys.
    #[test]
    fn tenants_are_closed_on_another_line_of_history() {
        let (barrier, keyring) = unsealed();
        barrier.open_tenant("aaaaAAAA", crate::TenantKeys::generate(Millis(1))).unwrap();
        assert_eq!(reopen(&barrier, &keyring, None).unwrap(), Reopened::Kept);
        assert!(!barrier.holds("aaaaAAAA"));
    }

    #[test]
    fn a_sealed_node_goes_nowhere() {
        let (old, keyring) = unsealed();
        old.seal();
        assert_eq!(reopen(&old, &keyring, None), Err(InstallError::Sealed));
    }
}
