//! A tenant's root key, wrapped by a key service or a device beside its shares.

use serde::{Deserialize, Serialize};

use crypto::Key32;

use crate::tenants::TenantKeys;
use crate::{Keyring, RootKey, Seal, SealFailure, TenantError, UnwrapError};

/// The root key under a key of the service. Stored; nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantWrap {
    key_id: String,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

impl TenantKeys {
    /// A wrap counts when it was opened again: so it is, before anybody gets it.
    pub async fn wrapped_by(&self, name: &str, seal: &dyn Seal) -> Result<TenantWrap, SealFailure> {
        let key_id = seal.key_id();
        let purpose = purpose(name, seal, &key_id);
        let plain = self.root.locked().expose();
        let bytes = seal.encrypt(&purpose, plain).await?;
        let opened = seal.decrypt(&key_id, &purpose, &bytes).await?;
        if crypto::ct_eq(&opened, plain) { Ok(TenantWrap { key_id, bytes }) } else { Err(SealFailure::DoesNotOpen) }
    }

    /// From what is stored.
    pub async fn open_by(name: &str, seal: &dyn Seal, wrap: &TenantWrap, keyring: &[u8]) -> Result<Self, UnwrapError> {
        let plain = seal.decrypt(&wrap.key_id, &purpose(name, seal, &wrap.key_id), &wrap.bytes).await?;
        let root = Key32::from_slice(&plain).map(RootKey::from_key).map_err(|_| UnwrapError::Damaged)?;
        let keyring = Keyring::open_with(&root, keyring).map_err(|_| UnwrapError::Damaged)?;
        Ok(Self { root, keyring })
    }

    /// Whether these are keys of one root key.
    pub fn is_of(&self, other: &Self) -> bool {
        crypto::ct_eq(self.root.locked().expose(), other.root.locked().expose())
    }

    /// The same keys once more.
    pub fn again(&self) -> Result<Self, TenantError> {
        let root = Key32::from_slice(self.root.locked().expose()).map(RootKey::from_key);
        let root = root.map_err(|_| TenantError::WrongKey)?;
        Ok(Self { keyring: Keyring::open_with(&root, &self.sealed())?, root })
    }
}

/// So that what was wrapped for one opens for no other.
fn purpose(name: &str, seal: &dyn Seal, key_id: &str) -> String {
    format!("holdfast tenant root key\n{name}\n{}\n{key_id}", seal.kind().name())
}

#[cfg(test)]
mod tests {
    use storage::Millis;

    use super::*;
    use crate::StaticSeal;

    fn seal(id: &str, byte: u8) -> StaticSeal {
        StaticSeal::new((id.to_owned(), Key32::from_slice(&[byte; 32]).unwrap()), None)
    }

    #[tokio::test]
    async fn a_wrap_opens_for_its_tenant_alone() {
        let keys = TenantKeys::generate(Millis(1));
        let (service, keyring) = (seal("k", 1), keys.sealed());
        let wrap = keys.wrapped_by("aaaaAAAA", &service).await.unwrap();
        let open = async |name, service: StaticSeal| {
            TenantKeys::open_by(name, &service, &wrap, &keyring).await.map(|keys| keys.root.id())
        };
        assert_eq!(open("aaaaAAAA", seal("k", 1)).await, Ok(keys.root.id()));
        assert_eq!(open("bbbbBBBB", seal("k", 1)).await, Err(UnwrapError::Damaged));
        assert_eq!(open("aaaaAAAA", seal("k", 2)).await, Err(UnwrapError::Damaged));
        assert_eq!(open("aaaaAAAA", seal("other", 1)).await, Err(UnwrapError::WrongKey));
        let other = TenantKeys::generate(Millis(1)).sealed();
        assert!(TenantKeys::open_by("aaaaAAAA", &service, &wrap, &other).await.is_err());
        assert_eq!(keys.again().unwrap().root.id(), keys.root.id());
        assert!(keys.is_of(&keys.again().unwrap()) && !keys.is_of(&TenantKeys::generate(Millis(1))));
    }
}
