//! The seal of the kind `shamir`: a key that exists only while enough operators put their shares together.

use async_trait::async_trait;
use crypto::{Aead, Key32, ct_eq};
use zeroize::Zeroizing;

use super::{JoinWrap, Seal, SealFailure, SealKind, UnwrapError};
use crate::JoinKey;

/// What the shares combine to. It lives only while a root key is wrapped or unwrapped.
pub struct UnsealKey(Key32);

impl UnsealKey {
    pub fn random() -> Self {
        Self(Key32::random())
    }

    pub fn from_key(key: Key32) -> Self {
        Self(key)
    }

    /// By which a node that has the shares proves it to one that is unsealed, without showing them.
    pub fn join_key(&self) -> JoinKey {
        JoinKey::from_key(crypto::derive_key(self.0.expose(), "holdfast join key"))
    }

    /// Whether both are one key.
    pub fn is(&self, other: &UnsealKey) -> bool {
        ct_eq(self.0.expose(), other.0.expose())
    }

    /// The bytes themselves. Whoever calls this answers for what becomes of them.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    fn cipher(&self) -> Aead {
        Aead::new(&crypto::derive_key(self.0.expose(), "holdfast root wrap key"))
    }
}

#[async_trait]
impl Seal for UnsealKey {
    fn kind(&self) -> SealKind {
        SealKind::Shamir
    }

    fn key_id(&self) -> String {
        let derived = crypto::derive_key(self.0.expose(), "holdfast unseal key id");
        hex::encode(&derived.expose()[..16])
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        Ok(self.cipher().seal(purpose.as_bytes(), plain))
    }

    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        // The id tells wrong shares from a damaged wrap.
        if key_id != self.key_id() {
            return Err(SealFailure::NoSuchKey(key_id.to_owned()));
        }
        self.cipher().open(purpose.as_bytes(), sealed).map_err(|_| SealFailure::DoesNotOpen)
    }

    async fn find_join_key(&self, _name: &str, _wraps: &[JoinWrap]) -> Result<JoinKey, UnwrapError> {
        Ok(self.join_key())
    }
}
