//! The root key: seals the keyring and nothing else. It exists in the clear only in locked memory of an unsealed server.

use std::fmt;

use crypto::{Key32, LockedKey, PageLockRefused};

pub struct RootKey(LockedKey);

impl RootKey {
    pub fn random() -> Self {
        Self(LockedKey::random())
    }

    pub fn from_key(key: Key32) -> Self {
        Self(LockedKey::from_key(key))
    }

    /// A name for this key that may be public: a backup says with it which root key it needs.
    pub fn id(&self) -> RootKeyId {
        let derived = crypto::derive_key(self.0.expose(), "holdfast root key id");
        let mut id = [0; 16];
        id.copy_from_slice(&derived.expose()[..16]);
        RootKeyId(id)
    }

    /// What a server configured to be strict calls: an error when the key could be swapped out.
    pub fn require_locked(&self) -> Result<(), PageLockRefused> {
        self.0.require_locked()
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    pub(crate) fn locked(&self) -> &LockedKey {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootKeyId(pub [u8; 16]);

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
