//! Keyrings beside the server's own: a tenant's records are sealed with keys of its own, which come and go alone.
//!
//! Which keyring a record belongs to stands in its key: the first segment names a namespace, and of one whose records have
//! a keyring of their own its name stands behind a hyphen. The server's keyring has no name. Everything but records, as
//! tokens' MACs and messages between nodes, goes by the server's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crypto::{Aead, Key32};
use storage::{Millis, SealError};

use crate::unsealed::Unsealed;
use crate::{Barrier, JoinKey, Keyring, KeyringError, RootKey, UnsealKey};

/// The keyrings that are open, by name.
pub(crate) type Tenants = BTreeMap<String, Arc<Unsealed>>;

/// A tenant's keys as they are made.
pub struct TenantKeys {
    pub(crate) root: RootKey,
    pub(crate) keyring: Keyring,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    #[error("the given shares do not open this namespace's root key")]
    WrongKey,
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl TenantKeys {
    pub fn generate(now: Millis) -> Self {
        Self { root: RootKey::random(), keyring: Keyring::generate(now, JoinKey::random()) }
    }

    /// From what is stored, by the key that the shares make.
    pub fn open(name: &str, key: &UnsealKey, wrapped: &[u8], keyring: &[u8]) -> Result<Self, TenantError> {
        let plain = cipher(key).open(&bound(name), wrapped).map_err(|_| TenantError::WrongKey)?;
        let root = Key32::from_slice(&plain).map(RootKey::from_key).map_err(|_| TenantError::WrongKey)?;
        Ok(Self { keyring: Keyring::open_with(&root, keyring)?, root })
    }

    /// The root key for the store, under the key that the shares make.
    pub fn wrapped(&self, name: &str, key: &UnsealKey) -> Vec<u8> {
        cipher(key).seal(&bound(name), self.root.locked().expose())
    }

    /// The keyring for the store.
    pub fn sealed(&self) -> Vec<u8> {
        self.keyring.seal_with(&self.root)
    }
}

impl Barrier {
    /// Opens a tenant's records. A sealed server opens none.
    pub fn open_tenant(&self, name: &str, keys: TenantKeys) -> Result<(), SealError> {
        let _replacing = self.replacing.lock();
        if self.is_sealed() {
            return Err(SealError::Sealed);
        }
        let opened = Arc::new(Unsealed::new(Arc::new(keys.root), keys.keyring, None));
        self.tenants.rcu(|open| {
            let mut open = Tenants::clone(open);
            open.insert(name.to_owned(), Arc::clone(&opened));
            open
        });
        Ok(())
    }

    /// Forgets a tenant's keys. They are wiped when the last operation under way lets go of them.
    pub fn close_tenant(&self, name: &str) {
        let _replacing = self.replacing.lock();
        self.tenants.rcu(|open| {
            let mut open = Tenants::clone(open);
            open.remove(name);
            open
        });
    }

    /// Whether records of a keyring can be read; that of the server is the one without a name.
    pub fn holds(&self, name: &str) -> bool {
        if name.is_empty() { !self.is_sealed() } else { self.tenants.load().contains_key(name) }
    }

    /// The names of the keyrings that are open besides the server's.
    pub fn open_tenants(&self) -> Vec<String> {
        self.tenants.load().keys().cloned().collect()
    }

    /// A question for the keys of a tenant, to fellow nodes that are unsealed.
    pub fn ask_for_tenant(&self, name: &str) -> Result<Vec<u8>, SealError> {
        let salted = [crypto::random::<SALT>().as_slice(), name.as_bytes()].concat();
        self.seal_message(ASK, &[], &salted)
    }

    /// Whose keys a fellow node asks for.
    pub fn tenant_asked_for(&self, question: &[u8]) -> Result<String, SealError> {
        let asked = self.open_message(ASK, &[], question)?;
        let name = asked.get(SALT..).and_then(|name| std::str::from_utf8(name).ok());
        name.map(str::to_owned).ok_or_else(|| SealError::Corrupt("a question for keys names nobody".to_owned()))
    }

    /// The answer. The caller has made sure that the one who asks is a member, and the tenant open.
    pub fn lend_tenant(&self, name: &str, question: &[u8]) -> Result<Vec<u8>, SealError> {
        self.with_tenant_root(name, |root| self.seal_message(GIVE, question, root.locked().expose()))?
    }

    /// What the answer brought, with the keyring that is stored.
    pub fn borrow_tenant(&self, question: &[u8], answer: &[u8], keyring: &[u8]) -> Result<TenantKeys, TenantError> {
        let opened = self.open_message(GIVE, question, answer).map_err(|_| TenantError::WrongKey)?;
        let root = Key32::from_slice(&opened).map(RootKey::from_key).map_err(|_| TenantError::WrongKey)?;
        Ok(TenantKeys { keyring: Keyring::open_with(&root, keyring)?, root })
    }

    fn with_tenant_root<R>(&self, name: &str, f: impl FnOnce(&RootKey) -> R) -> Result<R, SealError> {
        let open = self.tenants.load();
        open.get(name).map(|tenant| f(&tenant.root)).ok_or(SealError::Sealed)
    }

    /// The keys of the records that `key` is one of, or begins.
    pub(crate) fn with_keys_of<R>(&self, key: &[u8], f: impl FnOnce(&Unsealed) -> R) -> Result<R, SealError> {
        match tenant_of(key) {
            None => self.with(f),
            Some(name) => {
                let open = self.tenants.load();
                open.get(name).map(|tenant| f(tenant)).ok_or(SealError::Sealed)
            }
        }
    }
}

fn cipher(key: &UnsealKey) -> Aead {
    Aead::new(&crypto::derive_key(key.expose(), "holdfast tenant root key"))
}

fn bound(name: &str) -> Vec<u8> {
    [b"holdfast tenant\x01", name.as_bytes()].concat()
}

/// The name of the keyring that a key says. `None`: the server's.
fn tenant_of(key: &[u8]) -> Option<&str> {
    let namespace = std::str::from_utf8(storage::first_plain_segment(key)?).ok()?;
    namespace.split_once('-').map(|(_, keyring)| keyring)
}

const SALT: usize = 16;
const ASK: &str = "keys of a tenant: question";
const GIVE: &str = "keys of a tenant: answer";

#[cfg(test)]
mod tests {
    use storage::{Class, RawKey, Sealer, SegKind};

    use super::*;

    fn unsealed() -> Barrier {
        let barrier = Barrier::new();
        barrier.unseal(Keyring::generate(Millis(1), JoinKey::random()), RootKey::random());
        barrier
    }

    fn key(namespace: &str) -> RawKey {
        let mut key = RawKey::root(Class::Replicated);
        key.push(SegKind::Plain, namespace.as_bytes()).unwrap();
        key.plain("core").plain("k")
    }

    #[test]
    fn each_keyring_seals_what_is_its_own_and_nothing_else() {
        let barrier = unsealed();
        barrier.open_tenant("aaaaAAAA", TenantKeys::generate(Millis(1))).unwrap();
        barrier.open_tenant("bbbbBBBB", TenantKeys::generate(Millis(1))).unwrap();
        let (root, a, inner, b) =
            (key("ccccCCCC"), key("aaaaAAAA-aaaaAAAA"), key("ddddDDDD-aaaaAAAA"), key("bbbbBBBB-bbbbBBBB"));
        let sealed: Vec<_> = [&root, &a, &inner, &b].map(|k| barrier.seal_value(k, b"secret").unwrap()).into();
        let name = barrier.seal_name(a.as_bytes(), b"name").unwrap();
        assert_ne!(name, barrier.seal_name(b.as_bytes(), b"name").unwrap());
        barrier.close_tenant("aaaaAAAA");
        assert_eq!(barrier.open_value(&root, &sealed[0]).unwrap().as_slice(), b"secret");
        assert_eq!(barrier.open_value(&b, &sealed[3]).unwrap().as_slice(), b"secret");
        for (k, value) in [(&a, &sealed[1]), (&inner, &sealed[2])] {
            assert_eq!(barrier.open_value(k, value), Err(SealError::Sealed));
            assert_eq!(barrier.seal_value(k, b"x"), Err(SealError::Sealed));
        }
        assert_eq!(barrier.seal_name(a.as_bytes(), b"name"), Err(SealError::Sealed));
        assert_eq!((barrier.holds("aaaaAAAA"), barrier.holds("bbbbBBBB"), barrier.holds("")), (false, true, true));
        barrier.seal();
        assert!(barrier.open_tenants().is_empty());
        assert_eq!(barrier.open_tenant("aaaaAAAA", TenantKeys::generate(Millis(1))), Err(SealError::Sealed));
    }

    #[test]
    fn only_its_own_key_opens_a_tenant() {
        let (barrier, right, other) = (unsealed(), UnsealKey::random(), UnsealKey::random());
        let keys = TenantKeys::generate(Millis(1));
        let (wrapped, keyring) = (keys.wrapped("aaaaAAAA", &right), keys.sealed());
        let open = |name, key| TenantKeys::open(name, key, &wrapped, &keyring).map(|_| ());
        assert_eq!(open("aaaaAAAA", &right), Ok(()));
        assert_eq!(open("aaaaAAAA", &other), Err(TenantError::WrongKey));
        assert_eq!(open("bbbbBBBB", &right), Err(TenantError::WrongKey));
        let again = keys.wrapped("aaaaAAAA", &other);
        barrier.open_tenant("aaaaAAAA", keys).unwrap();
        let value = barrier.seal_value(&key("aaaaAAAA-aaaaAAAA"), b"secret").unwrap();
        barrier.close_tenant("aaaaAAAA");
        barrier.open_tenant("aaaaAAAA", TenantKeys::open("aaaaAAAA", &other, &again, &keyring).unwrap()).unwrap();
        assert_eq!(barrier.open_value(&key("aaaaAAAA-aaaaAAAA"), &value).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_fellow_node_gets_the_keys_and_nobody_else() {
        let (root, join) = (RootKey::random(), JoinKey::random());
        let sealed = Keyring::generate(Millis(1), join).seal_with(&root);
        let copy = RootKey::from_key(Key32::from_slice(root.locked().expose()).unwrap());
        let (has, asks, stranger) = (Barrier::new(), Barrier::new(), unsealed());
        has.unseal(Keyring::open_with(&root, &sealed).unwrap(), root);
        asks.unseal(Keyring::open_with(&copy, &sealed).unwrap(), copy);
        let keys = TenantKeys::generate(Millis(1));
        let keyring = keys.sealed();
        has.open_tenant("aaaaAAAA", keys).unwrap();
        let question = asks.ask_for_tenant("aaaaAAAA").unwrap();
        assert_eq!(has.tenant_asked_for(&question).as_deref(), Ok("aaaaAAAA"));
        assert!(has.tenant_asked_for(&stranger.ask_for_tenant("aaaaAAAA").unwrap()).is_err());
        let answer = has.lend_tenant("aaaaAAAA", &question).unwrap();
        assert!(stranger.borrow_tenant(&question, &answer, &keyring).is_err());
        let other = asks.ask_for_tenant("aaaaAAAA").unwrap();
        assert!(asks.borrow_tenant(&other, &answer, &keyring).is_err());
        asks.open_tenant("aaaaAAAA", asks.borrow_tenant(&question, &answer, &keyring).unwrap()).unwrap();
        let value = has.seal_value(&key("aaaaAAAA-aaaaAAAA"), b"secret").unwrap();
        assert_eq!(asks.open_value(&key("aaaaAAAA-aaaaAAAA"), &value).unwrap().as_slice(), b"secret");
    }
}
