//! The seal of the kind `static`: a key that every node's configuration brings. It unseals without anybody there.
//!
//! A key before the present one may be given too: it opens what it wrapped, and the active node wraps anew under the
//! present one.

use async_trait::async_trait;
use crypto::{Aead, Key32, LockedKey};
use zeroize::Zeroizing;

use super::{Seal, SealFailure, SealKind};

pub struct StaticSeal {
    current: (String, Aead),
    previous: Option<(String, Aead)>,
}

impl StaticSeal {
    /// Each key with the id that tells it from others.
    pub fn new(current: (String, Key32), previous: Option<(String, Key32)>) -> Self {
        let ready = |(id, key): (String, Key32)| {
            let derived = crypto::derive_key(key.expose(), "holdfast static seal key");
            (id, Aead::locked(&LockedKey::from_key(derived)))
        };
        Self { current: ready(current), previous: previous.map(ready) }
    }
}

#[async_trait]
impl Seal for StaticSeal {
    fn kind(&self) -> SealKind {
        SealKind::Static
    }

    fn key_id(&self) -> String {
        self.current.0.clone()
    }

    fn is_outdated(&self, key_id: &str, _sealed: &[u8]) -> bool {
        self.previous.as_ref().is_some_and(|(previous, _)| previous == key_id)
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        Ok(self.current.1.seal(purpose.as_bytes(), plain))
    }

    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        let mut known = std::iter::once(&self.current).chain(&self.previous).filter(|(id, _)| id == key_id);
        let (_, key) = known.next().ok_or_else(|| SealFailure::NoSuchKey(key_id.to_owned()))?;
        key.open(purpose.as_bytes(), sealed).map_err(|_| SealFailure::DoesNotOpen)
    }
}
