//! New data keys for a tenant: later editions of its keyring, as the server's own has them.

use std::sync::Arc;

use storage::Millis;

use crate::tenants::Tenants;
use crate::unsealed::Unsealed;
use crate::{Barrier, InstallError, Keyring, TermInfo};

impl Barrier {
    /// The stored keyring of a tenant with one data key more, for the caller to commit. Nothing changes here until it is
    /// installed.
    pub fn rotated_tenant(&self, name: &str, stored: &[u8], now: Millis) -> Result<Vec<u8>, InstallError> {
        let open = self.tenants.load();
        let tenant = open.get(name).ok_or(InstallError::Sealed)?;
        let mut keyring = Keyring::open_with(&tenant.keys.root, stored)?;
        keyring.rotate(now)?;
        Ok(keyring.seal_with(&tenant.keys.root))
    }

    /// Takes over a stored edition of a tenant's keyring. `Ok(false)`: it is not newer than the one in use, which stays.
    pub fn install_tenant(&self, name: &str, stored: &[u8]) -> Result<bool, InstallError> {
        let _replacing = self.replacing.lock();
        let open = self.tenants.load_full();
        let tenant = open.get(name).ok_or(InstallError::Sealed)?;
        let offered = Keyring::open_with(&tenant.keys.root, stored)?;
        let Some(next) = tenant.keys.succeeded_by(offered)? else { return Ok(false) };
        let next = Arc::new(next);
        self.tenants.rcu(|open| {
            let mut open = Tenants::clone(open);
            if let Some(tenant) = open.get_mut(name) {
                tenant.keys = Arc::clone(&next);
            }
            open
        });
        Ok(true)
    }

    /// The data key that a tenant's records are sealed with, and how often this node has used it since it was opened here.
    pub fn tenant_key(&self, name: &str) -> Option<TermInfo> {
        let open = self.tenants.load();
        // The keyring's newest term is the active one.
        open.get(name).and_then(|tenant| tenant.keys.term_infos().pop())
    }
}

impl Unsealed {
    /// With a later edition of the keyring. `None`: it is not newer.
    pub(crate) fn succeeded_by(&self, offered: Keyring) -> Result<Option<Self>, InstallError> {
        if !offered.is_kin_of(&self.keyring) {
            return Err(InstallError::Stranger);
        }
        if offered.edition() <= self.keyring.edition() {
            return Ok(None);
        }
        // A later edition that forgets a data key would make what it wrote unreadable.
        if self.keyring.terms().keys().any(|term| !offered.terms().contains_key(term)) {
            return Err(InstallError::Stranger);
        }
        Ok(Some(Self::new(Arc::clone(&self.root), offered, Some(self))))
    }
}

#[cfg(test)]
mod tests {
    use storage::{Class, RawKey, SealError, Sealer, SegKind};

    use super::*;
    use crate::{JoinKey, RootKey, TenantKeys, UnsealKey};

    #[test]
    fn what_former_keys_wrote_opens_and_a_node_that_has_not_followed_says_which_key_it_lacks() {
        let (leads, follows) = (Barrier::new(), Barrier::new());
        for barrier in [&leads, &follows] {
            barrier.unseal(Keyring::generate(Millis(1), JoinKey::random()), RootKey::random());
        }
        let (keys, unseal) = (TenantKeys::generate(Millis(1)), UnsealKey::random());
        let (wrapped, stored) = (keys.wrapped("aaaaAAAA", &unseal), keys.sealed());
        leads.open_tenant("aaaaAAAA", keys).unwrap();
        follows.open_tenant("aaaaAAAA", TenantKeys::open("aaaaAAAA", &unseal, &wrapped, &stored).unwrap()).unwrap();
        let mut key = RawKey::root(Class::Replicated);
        key.push(SegKind::Plain, b"aaaaAAAA-aaaaAAAA").unwrap();
        let key = key.plain("core").plain("k");
        let before = leads.seal_value(&key, b"before").unwrap();
        let next = leads.rotated_tenant("aaaaAAAA", &stored, Millis(2)).unwrap();
        assert_eq!(leads.tenant_key("aaaaAAAA").map(|key| (key.term, key.encryptions)), Some((1, 1)));
        assert_eq!(leads.install_tenant("aaaaAAAA", &next), Ok(true));
        assert_eq!(leads.install_tenant("aaaaAAAA", &next), Ok(false));
        let after = leads.seal_value(&key, b"after").unwrap();
        assert_eq!(leads.tenant_key("aaaaAAAA").map(|key| (key.term, key.encryptions)), Some((2, 1)));
        assert_eq!(leads.open_value(&key, &before).unwrap().as_slice(), b"before");
        assert_eq!(follows.open_value(&key, &after), Err(SealError::UnknownTerm(2)));
        follows.install_tenant("aaaaAAAA", &next).unwrap();
        assert_eq!(follows.open_value(&key, &after).unwrap().as_slice(), b"after");
        // Opened once more with what was read before.
        let former = TenantKeys::open("aaaaAAAA", &unseal, &wrapped, &stored).unwrap();
        leads.open_tenant("aaaaAAAA", former).unwrap();
        assert_eq!(leads.tenant_key("aaaaAAAA").map(|key| (key.term, key.encryptions)), Some((2, 1)));
        let stranger = Keyring::generate(Millis(1), JoinKey::random());
        let open = leads.tenants.load();
        let sealed = stranger.seal_with(&open["aaaaAAAA"].keys.root);
        assert_eq!(leads.install_tenant("aaaaAAAA", &sealed), Err(InstallError::Stranger));
        assert_eq!(leads.install_tenant("bbbbBBBB", &next), Err(InstallError::Sealed));
    }
}
