//! What backups need of the keys: a proof that a backup was made under this root key, and a keyring that comes back.

use std::sync::Arc;

use crypto::Hmac;
use storage::{Millis, SealError};

use crate::unsealed::Unsealed;
use crate::{Barrier, InstallError, Keyring, RootKeyId};

/// Whose join key a restored keyring has: it belongs to the wraps of the root key that count from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKeyOf {
    /// The cluster's, which keeps its wraps.
    Cluster,
    /// The backup's, whose wraps come with it.
    Backup,
}

impl Barrier {
    pub fn root_key_id(&self) -> Result<RootKeyId, SealError> {
        self.with_root(|root| root.id())
    }

    /// Proves that whoever made a backup held the root key. It outlives a seal that comes while the backup is made.
    pub fn backup_mac(&self) -> Result<Hmac, SealError> {
        self.with_root(|root| Hmac::new(&crypto::derive_key(root.locked().expose(), "holdfast backup key")))
    }

    /// Whether the sealed keyring is one of this root key.
    pub fn opens(&self, sealed: &[u8]) -> Result<bool, SealError> {
        self.with_root(|root| Keyring::open_with(root, sealed).is_ok())
    }

    /// A backup's keyring as the successor of the cluster's stored one, both sealed. The cluster's own data keys stay in
    /// it, unless the backup has others of the same terms: what is being read during the restore remains readable. New
    /// values get a data key of their own: how often the backup's was used since, and elsewhere, nobody knows.
    pub fn restored(
        &self,
        backup: &[u8],
        stored: &[u8],
        join: JoinKeyOf,
        now: Millis,
    ) -> Result<Vec<u8>, InstallError> {
        let root = &self.current()?.root;
        let mut restored = Keyring::open_with(root, backup)?;
        restored.succeed(Keyring::open_with(root, stored)?, join);
        restored.rotate(now)?;
        Ok(restored.seal_with(root))
    }

    pub(crate) fn current(&self) -> Result<Arc<Unsealed>, InstallError> {
        self.state.load_full().ok_or(InstallError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use storage::{Class, RawKey, Sealer};

    use super::*;
    use crate::{JoinKey, Offered, Reopened, RootKey};

    fn root() -> RootKey {
        RootKey::from_key(crypto::Key32::from_slice(&[9; 32]).unwrap())
    }

    fn reopen(barrier: &Barrier, keyring: &[u8]) -> Result<Reopened, InstallError> {
        barrier.reopen(|| Ok(Offered { keyring: keyring.to_vec(), successor: None }))
    }

    fn unsealed(sealed: &[u8]) -> Barrier {
        let barrier = Barrier::new();
        barrier.unseal(Keyring::open_with(&root(), sealed).unwrap(), root());
        barrier
    }

    /// What would be stored of its keyring.
    fn edition(barrier: &Barrier) -> Vec<u8> {
        barrier.with(|u| u.keyring.seal_with(&u.root)).unwrap()
    }

    fn key() -> RawKey {
        RawKey::root(Class::Replicated).plain("k")
    }

    #[test]
    fn an_older_keyring_comes_back_and_everything_stays_readable() {
        let backup = Keyring::generate(Millis(1), JoinKey::random()).seal_with(&root());
        let (here, standby) = (unsealed(&backup), unsealed(&backup));
        let old = here.seal_value(&key(), b"old").unwrap();
        here.install(&here.rotated(Millis(2)).unwrap().bytes).unwrap();
        here.install(&here.rejoined(JoinKey::random()).unwrap().bytes).unwrap();
        let new = here.seal_value(&key(), b"new").unwrap();

        let stored = edition(&here);
        let restored = here.restored(&backup, &stored, JoinKeyOf::Cluster, Millis(4)).unwrap();
        for barrier in [&here, &standby] {
            reopen(barrier, &restored).unwrap();
            assert_eq!(barrier.open_value(&key(), &old).unwrap()[..], *b"old");
            assert_eq!(barrier.open_value(&key(), &new).unwrap()[..], *b"new");
            assert_eq!(barrier.active_term().unwrap(), 3);
        }
        assert!(!standby.install(&backup).unwrap(), "the restored keyring is the newest");
        let opened = Keyring::open_with(&root(), &restored).unwrap();
        let current = Keyring::open_with(&root(), &here.rotated(Millis(3)).unwrap().bytes).unwrap();
        assert!(crypto::ct_eq(opened.join_key().expose(), current.join_key().expose()), "the cluster's join key");
        let theirs =
            Keyring::open_with(&root(), &here.restored(&backup, &stored, JoinKeyOf::Backup, Millis(4)).unwrap())
                .unwrap();
        let first = Keyring::open_with(&root(), &backup).unwrap();
        assert!(crypto::ct_eq(theirs.join_key().expose(), first.join_key().expose()));
    }

    #[test]
    fn of_two_keys_of_one_term_the_backup_s_counts() {
        let first = Keyring::generate(Millis(1), JoinKey::random()).seal_with(&root());
        let there = unsealed(&first);
        let backup = there.rotated(Millis(2)).unwrap().bytes;
        there.install(&backup).unwrap();
        let value = there.seal_value(&key(), b"theirs").unwrap();
        let here = unsealed(&first);
        here.install(&here.rotated(Millis(3)).unwrap().bytes).unwrap();
        here.install(&here.rotated(Millis(4)).unwrap().bytes).unwrap();
        assert!(here.open_value(&key(), &value).is_err());
        reopen(&here, &here.restored(&backup, &edition(&here), JoinKeyOf::Cluster, Millis(5)).unwrap()).unwrap();
        assert_eq!(here.open_value(&key(), &value).unwrap()[..], *b"theirs");
        assert_eq!(here.active_term().unwrap(), 4, "what is written from now on has a key of its own");
    }

    #[test]
    fn another_root_key_s_keyring_is_refused_and_changes_nothing() {
        let here = unsealed(&Keyring::generate(Millis(1), JoinKey::random()).seal_with(&root()));
        let value = here.seal_value(&key(), b"v").unwrap();
        let foreign = Keyring::generate(Millis(1), JoinKey::random()).seal_with(&RootKey::random());
        assert!(here.restored(&foreign, &edition(&here), JoinKeyOf::Cluster, Millis(5)).is_err());
        assert!(reopen(&here, &foreign).is_err());
        assert!(!here.opens(&foreign).unwrap());
        assert!(here.open_value(&key(), &value).is_ok());
        here.seal();
        assert!(matches!(reopen(&here, &foreign), Err(InstallError::Sealed)));
    }

    #[test]
    fn a_proof_is_of_its_root_key() {
        let sealed = Keyring::generate(Millis(1), JoinKey::random()).seal_with(&root());
        let mac = unsealed(&sealed).backup_mac().unwrap().mac(b"digest");
        assert!(unsealed(&sealed).backup_mac().unwrap().verify(b"digest", &mac));
        let other = Barrier::new();
        other.unseal(Keyring::generate(Millis(1), JoinKey::random()), RootKey::random());
        assert!(!other.backup_mac().unwrap().verify(b"digest", &mac));
    }
}
