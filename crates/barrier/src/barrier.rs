//! The barrier itself: sealed, it knows no key; unsealed, it encrypts what goes into the store and decrypts what comes out.
//!
//! Reading the state takes no lock. Sealing takes the state away from whoever comes later; its keys are wiped when the
//! last operation already under way lets go of them.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use storage::{Millis, RawKey, SealError, Sealer};
use zeroize::Zeroizing;

use crate::tenants::Tenants;
use crate::unsealed::Unsealed;
use crate::{JoinKey, Keyring, KeyringError, RootKey, Seal, SealFailure, TermInfo, Wrap, wrap_root};

#[derive(Default)]
pub struct Barrier {
    pub(crate) state: ArcSwapOption<Unsealed>,
    pub(crate) tenants: ArcSwap<Tenants>,
    /// Held while the state is replaced: a new edition must not undo a seal that came in between.
    pub(crate) replacing: Mutex<()>,
}

/// A keyring's next edition, to be stored and then [installed](Barrier::install) on every unsealed node.
pub struct SealedKeyring {
    pub bytes: Vec<u8>,
    pub active_term: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    #[error("the server is sealed")]
    Sealed,
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    #[error("the keyring offered is not a later edition of the one in use")]
    Stranger,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    #[error("the server is sealed")]
    Sealed,
    #[error(transparent)]
    Seal(#[from] SealFailure),
}

impl Barrier {
    /// A sealed one.
    pub fn new() -> Self {
        Self::default()
    }

    pub fn unseal(&self, keyring: Keyring, root: RootKey) {
        let _replacing = self.replacing.lock();
        self.state.store(Some(Arc::new(Unsealed::new(Arc::new(root), keyring, None))));
    }

    pub fn seal(&self) {
        let _replacing = self.replacing.lock();
        self.tenants.store(Arc::default());
        self.state.store(None);
    }

    pub fn is_sealed(&self) -> bool {
        self.state.load().is_none()
    }

    /// Whether every long-lived key is pinned to memory. Where the kernel forbids that, the server says so at unseal.
    pub fn is_memory_locked(&self) -> Result<bool, SealError> {
        let locked = |keys: &Unsealed| keys.root.is_locked() && keys.keyring.is_locked();
        Ok(self.with(locked)? && self.tenants.load().values().all(|tenant| locked(&tenant.keys)))
    }

    /// The keyring with one data key more, sealed, for the caller to commit. Nothing changes here until it is installed.
    pub fn rotated(&self, now: Millis) -> Result<SealedKeyring, InstallError> {
        self.next_edition(|keyring| keyring.rotate(now).map(|_| ()))
    }

    /// The keyring with another join key, for the caller to commit together with the new wrap of the root key.
    pub fn rejoined(&self, join: JoinKey) -> Result<SealedKeyring, InstallError> {
        self.next_edition(|keyring| {
            keyring.set_join_key(join);
            Ok(())
        })
    }

    /// Takes over a stored edition of the keyring. `Ok(false)`: it is not newer than the one in use, which stays.
    pub fn install(&self, sealed: &[u8]) -> Result<bool, InstallError> {
        let _replacing = self.replacing.lock();
        let current = self.state.load_full().ok_or(InstallError::Sealed)?;
        let offered = Keyring::open_with(&current.root, sealed)?;
        let next = current.succeeded_by(offered)?;
        let newer = next.is_some();
        if let Some(next) = next {
            self.state.store(Some(Arc::new(next)));
        }
        Ok(newer)
    }

    pub fn active_term(&self) -> Result<u32, SealError> {
        self.with(|u| u.keyring.active_term())
    }

    /// The active term, and how often this node has encrypted under it since it was unsealed.
    pub fn encryptions(&self) -> Result<(u32, u64), SealError> {
        self.with(Unsealed::encryptions)
    }

    /// The data keys, oldest first.
    pub fn terms(&self) -> Result<Vec<TermInfo>, SealError> {
        self.with(Unsealed::term_infos)
    }

    /// The root key, wrapped by a seal. `join` is the join key that goes with it; without one, that of the keyring.
    pub async fn wrap(&self, seal: &dyn Seal, join: Option<&JoinKey>) -> Result<Wrap, WrapError> {
        let state = self.state.load_full().ok_or(WrapError::Sealed)?;
        Ok(wrap_root(seal, &state.root, join.unwrap_or(state.keyring.join_key())).await?)
    }

    /// Names the join key of the keyring.
    pub fn join_id(&self) -> Result<String, SealError> {
        self.with(|u| u.keyring.join_key().id())
    }

    /// Lends the root key, for a secondary.
    pub fn with_root<R>(&self, f: impl FnOnce(&RootKey) -> R) -> Result<R, SealError> {
        self.with(|u| f(&u.root))
    }

    /// What stands in an audit log instead of a secret.
    pub fn audit_hmac(&self, data: &[u8]) -> Result<[u8; 32], SealError> {
        self.with(|u| u.audit.mac(data))
    }

    /// What a token is stored under.
    pub fn token_hmac(&self, token: &[u8]) -> Result<[u8; 32], SealError> {
        self.with(|u| u.tokens.mac(token))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&Unsealed) -> R) -> Result<R, SealError> {
        let state = self.state.load();
        state.as_deref().map(f).ok_or(SealError::Sealed)
    }

    fn next_edition(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<(), KeyringError>,
    ) -> Result<SealedKeyring, InstallError> {
        let state = self.state.load();
        let current = state.as_deref().ok_or(InstallError::Sealed)?;
        // Through its sealed form: a keyring cannot be cloned, and this way what is stored is known to open.
        let mut next = Keyring::open_with(&current.root, &current.keyring.seal_with(&current.root))?;
        change(&mut next)?;
        Ok(SealedKeyring { bytes: next.seal_with(&current.root), active_term: next.active_term() })
    }
}

impl Sealer for Barrier {
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        self.with_keys_of(before, |u| u.names.seal(before, name))
    }

    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.with_keys_of(before, |u| u.open_name(before, sealed))?
    }

    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        self.with_keys_of(key.as_bytes(), |u| u.seal_value(key.as_bytes(), value))
    }

    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.with_keys_of(key.as_bytes(), |u| u.open_value(key.as_bytes(), sealed))?
    }
}

#[cfg(test)]
mod tests;
