//! Keyrings beside the server's own: a tenant's records are sealed with keys of its own, which come and go alone.
//!
//! Which keyring a record belongs to stands in its key: the first segment names a namespace, and of one whose records have
//! a keyring of their own its name stands behind a hyphen. The server's keyring has no name. Everything but records, as
//! tokens' MACs and messages between nodes, goes by the server's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crypto::{Aead, Key32};
use storage::{Millis, RawKey, SealError, Sealer};
use zeroize::Zeroizing;

use crate::unsealed::Unsealed;
use crate::{Barrier, JoinKey, Keyring, KeyringError, RootKey, UnsealKey};

/// The keyrings that are open, by name.
pub(crate) type Tenants = BTreeMap<String, Tenant>;

#[derive(Clone)]
pub(crate) struct Tenant {
    opening: Opening,
    pub(crate) keys: Arc<Unsealed>,
}

/// One time that a tenant's keys were opened: whoever closes what it has seen does not close what was opened since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening(u64);

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

    /// A sealer that has these keys besides those of another one: for records of a tenant that is open nowhere.
    pub fn over(self, name: &str, below: Arc<dyn Sealer>) -> Arc<dyn Sealer> {
        let keys = Unsealed::new(Arc::new(self.root), self.keyring, None);
        Arc::new(Over { name: name.to_owned(), keys, below })
    }
}

struct Over {
    name: String,
    keys: Unsealed,
    below: Arc<dyn Sealer>,
}

impl Over {
    fn keys_of(&self, key: &[u8]) -> Option<&Unsealed> {
        (keyring_of(key) == Some(self.name.as_str())).then_some(&self.keys)
    }
}

impl Sealer for Over {
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        match self.keys_of(before) {
            Some(keys) => Ok(keys.names.seal(before, name)),
            None => self.below.seal_name(before, name),
        }
    }

    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match self.keys_of(before) {
            Some(keys) => keys.open_name(before, sealed),
            None => self.below.open_name(before, sealed),
        }
    }

    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        match self.keys_of(key.as_bytes()) {
            Some(keys) => Ok(keys.seal_value(key.as_bytes(), value)),
            None => self.below.seal_value(key, value),
        }
    }

    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match self.keys_of(key.as_bytes()) {
            Some(keys) => keys.open_value(key.as_bytes(), sealed),
            None => self.below.open_value(key, sealed),
        }
    }
}

impl Barrier {
    /// Opens a tenant's records. A sealed server opens none. Of two editions of one keyring the newer stays, with what was counted.
    pub fn open_tenant(&self, name: &str, keys: TenantKeys) -> Result<Opening, SealError> {
        let _replacing = self.replacing.lock();
        if self.is_sealed() {
            return Err(SealError::Sealed);
        }
        let opening = Opening(u64::from_be_bytes(crypto::random()));
        let before = self.tenants.load().get(name).map(|tenant| Arc::clone(&tenant.keys));
        let before = before.filter(|before| keys.keyring.is_kin_of(&before.keyring));
        let keys = match before {
            Some(before) if keys.keyring.edition() <= before.keyring.edition() => before,
            before => Arc::new(Unsealed::new(Arc::new(keys.root), keys.keyring, before.as_deref())),
        };
        let opened = Tenant { opening, keys };
        self.tenants.rcu(|open| {
            let mut open = Tenants::clone(open);
            open.insert(name.to_owned(), opened.clone());
            open
        });
        Ok(opening)
    }

    /// Forgets a tenant's keys, if they were not opened anew since. They are wiped when the last operation under way lets
    /// go of them.
    pub fn close_tenant(&self, name: &str, seen: Opening) -> bool {
        let _replacing = self.replacing.lock();
        if self.tenants.load().get(name).is_none_or(|tenant| tenant.opening != seen) {
            return false;
        }
        self.tenants.rcu(|open| {
            let mut open = Tenants::clone(open);
            open.remove(name);
            open
        });
        true
    }

    /// Whether records of a keyring can be read; that of the server is the one without a name.
    pub fn holds(&self, name: &str) -> bool {
        if name.is_empty() { !self.is_sealed() } else { self.tenants.load().contains_key(name) }
    }

    /// The names of the keyrings that are open besides the server's.
    pub fn open_tenants(&self) -> Vec<(String, Opening)> {
        self.tenants.load().iter().map(|(name, tenant)| (name.clone(), tenant.opening)).collect()
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
        open.get(name).map(|tenant| f(&tenant.keys.root)).ok_or_else(|| self.no_keys(name))
    }

    /// Why there are no keys of a tenant.
    fn no_keys(&self, name: &str) -> SealError {
        if self.is_sealed() { SealError::Sealed } else { SealError::NamespaceSealed(name.to_owned()) }
    }

    /// The keys of the records that `key` is one of, or begins.
    pub(crate) fn with_keys_of<R>(&self, key: &[u8], f: impl FnOnce(&Unsealed) -> R) -> Result<R, SealError> {
        match keyring_of(key) {
            None => self.with(f),
            Some(name) => {
                let open = self.tenants.load();
                open.get(name).map(|tenant| f(&tenant.keys)).ok_or_else(|| self.no_keys(name))
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

/// The name of the keyring that a record is sealed with whose key this is, or begins. `None`: the server's.
pub fn keyring_of(key: &[u8]) -> Option<&str> {
    let namespace = std::str::from_utf8(storage::first_plain_segment(key)?).ok()?;
    namespace.split_once('-').map(|(_, keyring)| keyring)
}

const SALT: usize = 16;
const ASK: &str = "keys of a tenant: question";
const GIVE: &str = "keys of a tenant: answer";

#[cfg(test)]
mod tests {
    use storage::{Class, SegKind};

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
        let seen = barrier.open_tenant("aaaaAAAA", TenantKeys::generate(Millis(1))).unwrap();
        barrier.open_tenant("bbbbBBBB", TenantKeys::generate(Millis(1))).unwrap();
        let (root, a, inner, b) =
            (key("ccccCCCC"), key("aaaaAAAA-aaaaAAAA"), key("ddddDDDD-aaaaAAAA"), key("bbbbBBBB-bbbbBBBB"));
        let sealed: Vec<_> = [&root, &a, &inner, &b].map(|k| barrier.seal_value(k, b"secret").unwrap()).into();
        let name = barrier.seal_name(a.as_bytes(), b"name").unwrap();
        assert_ne!(name, barrier.seal_name(b.as_bytes(), b"name").unwrap());
        assert!(!barrier.close_tenant("bbbbBBBB", seen), "it is another one's");
        assert!(barrier.close_tenant("aaaaAAAA", seen));
        assert_eq!(barrier.open_value(&root, &sealed[0]).unwrap().as_slice(), b"secret");
        assert_eq!(barrier.open_value(&b, &sealed[3]).unwrap().as_slice(), b"secret");
        let lacks = || SealError::NamespaceSealed("aaaaAAAA".to_owned());
        for (k, value) in [(&a, &sealed[1]), (&inner, &sealed[2])] {
            assert_eq!(barrier.open_value(k, value), Err(lacks()));
            assert_eq!(barrier.seal_value(k, b"x"), Err(lacks()));
        }
        assert_eq!(barrier.seal_name(a.as_bytes(), b"name"), Err(lacks()));
        assert_eq!((barrier.holds("aaaaAAAA"), barrier.holds("bbbbBBBB"), barrier.holds("")), (false, true, true));
        barrier.seal();
        assert!(barrier.open_tenants().is_empty());
        assert_eq!(barrier.seal_name(a.as_bytes(), b"name"), Err(SealError::Sealed));
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
        let seen = barrier.open_tenant("aaaaAAAA", keys).unwrap();
        let value = barrier.seal_value(&key("aaaaAAAA-aaaaAAAA"), b"secret").unwrap();
        assert!(barrier.close_tenant("aaaaAAAA", seen));
        barrier.open_tenant("aaaaAAAA", TenantKeys::open("aaaaAAAA", &other, &again, &keyring).unwrap()).unwrap();
        assert_eq!(barrier.open_value(&key("aaaaAAAA-aaaaAAAA"), &value).unwrap().as_slice(), b"secret");
        assert!(!barrier.close_tenant("aaaaAAAA", seen), "it was opened anew since");
        assert!(barrier.holds("aaaaAAAA"));
    }

    #[test]
    fn what_is_being_made_is_sealed_with_its_own_keys_and_opens_nothing_else() {
        let barrier = Arc::new(unsealed());
        let keys = TenantKeys::generate(Millis(1));
        let unseal = UnsealKey::random();
        let (wrapped, keyring) = (keys.wrapped("aaaaAAAA", &unseal), keys.sealed());
        let over = keys.over("aaaaAAAA", Arc::clone(&barrier) as _);
        let (its, root, other) = (key("aaaaAAAA-aaaaAAAA"), key("ccccCCCC"), key("bbbbBBBB-bbbbBBBB"));
        let (sealed, name) = (over.seal_value(&its, b"secret").unwrap(), over.seal_name(its.as_bytes(), b"n").unwrap());
        assert_eq!(over.open_value(&its, &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(over.open_name(its.as_bytes(), &name).unwrap(), b"n");
        let below = over.seal_value(&root, b"plain").unwrap();
        assert_eq!(barrier.open_value(&root, &below).unwrap().as_slice(), b"plain");
        assert_eq!(over.seal_value(&other, b"x"), Err(SealError::NamespaceSealed("bbbbBBBB".to_owned())));
        assert!(!barrier.holds("aaaaAAAA"));
        barrier.open_tenant("aaaaAAAA", TenantKeys::open("aaaaAAAA", &unseal, &wrapped, &keyring).unwrap()).unwrap();
        assert_eq!(barrier.open_value(&its, &sealed).unwrap().as_slice(), b"secret");
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
