//! The seal: what stands between a stopped server and its root key.
//!
//! A seal wraps the root key. Several wraps of one root key may stand side by side, each opened by another means; any of
//! them suffices. [`UnsealKey`] is what operators' shares combine to, [`StaticSeal`] a key in the node's configuration;
//! seals that speak to a key service or a device are crates of their own, `seals/*`.

mod bound;
mod config;
mod static_key;
mod unseal_key;

use std::collections::BTreeSet;

use async_trait::async_trait;
use crypto::Key32;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use bound::{bind, unbind};
pub use config::{SealConfig, SealConfigError};
pub use static_key::StaticSeal;
pub use unseal_key::UnsealKey;

use crate::{JoinKey, RootKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    Shamir,
    Static,
    Transit,
    Pkcs11,
}

impl SealKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shamir => "shamir",
            Self::Static => "static",
            Self::Transit => "transit",
            Self::Pkcs11 => "pkcs11",
        }
    }

    /// Whether a node with this seal unseals without anybody's help.
    pub fn is_automatic(self) -> bool {
        self != Self::Shamir
    }
}

/// Why a seal could not encrypt or decrypt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFailure {
    /// Its key differs, or what it was given was altered.
    #[error("it does not open with this key")]
    DoesNotOpen,
    /// It has no key of this id.
    #[error("the seal has no key {0:?}")]
    NoSuchKey(String),
    /// It answered that it will not. Asking again helps once somebody has changed something there.
    #[error("the key service refused: {0}")]
    Refused(String),
    /// Asking again later may help.
    #[error("the seal cannot be reached: {0}")]
    Unavailable(String),
}

/// Encrypts a handful of small secrets. `purpose` is bound to the ciphertext: under another it does not open.
#[async_trait]
pub trait Seal: Send + Sync + 'static {
    fn kind(&self) -> SealKind;

    /// Names the key that encrypts from now on. Not secret.
    fn key_id(&self) -> String;

    /// Whether what was encrypted under that key is known to be older than what this seal encrypts. A key that is merely another
    /// one may be the later one.
    fn is_outdated(&self, _key_id: &str, _sealed: &[u8]) -> bool {
        false
    }

    /// What the seal does by itself while the server runs, as renewing what it logs in with. It has no end.
    async fn keep(&self) {
        std::future::pending().await
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure>;

    /// `key_id` names the key that it was encrypted under, which may be one before the present one.
    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure>;

    /// The proof of holding this seal that a node joins with. Who cannot derive it has it wrapped by the cluster.
    /// `name` is what this seal is called; its own wrap is tried first.
    async fn find_join_key(&self, name: &str, wraps: &[JoinWrap]) -> Result<JoinKey, UnwrapError> {
        let mut of_kind: Vec<&JoinWrap> = wraps.iter().filter(|wrap| wrap.kind == self.kind()).collect();
        of_kind.sort_by_key(|wrap| called(wrap.kind, &wrap.name) != name);
        let sealed = of_kind.into_iter();
        let sealed = sealed.map(|wrap| (&*wrap.key_id, join_purpose(wrap.kind, &wrap.key_id), &*wrap.bytes));
        open_any(self, sealed, |key| Some(JoinKey::from_key(key))).await
    }
}

/// The root key, wrapped in one or several ways. Stored; nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedRoot {
    pub format: u32,
    pub wraps: Vec<Wrap>,
    /// The names of seals that are not to have a wrap, although a configuration may still name them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrap {
    pub kind: SealKind,
    /// Tells seals of one kind apart. Empty: the kind's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    /// Which key of that kind opens it.
    pub key_id: String,
    #[serde(with = "hex::serde")]
    pub bytes: Vec<u8>,
    /// The join key, for a seal that it cannot be derived from.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "hex::serde")]
    pub join: Vec<u8>,
    /// Which one it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub join_id: String,
}

/// What a joiner is sent so that its seal yields the join key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWrap {
    pub kind: SealKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    pub key_id: String,
    #[serde(with = "hex::serde")]
    pub bytes: Vec<u8>,
}

impl WrappedRoot {
    pub const FORMAT: u32 = 1;

    pub fn new(wraps: Vec<Wrap>) -> Self {
        Self { format: Self::FORMAT, wraps, without: BTreeSet::new() }
    }

    /// Puts a wrap in place of that of its seal; those of other seals stay.
    pub fn replace(&mut self, wrap: Wrap) {
        match self.wraps.iter_mut().find(|w| w.seal() == wrap.seal()) {
            Some(present) => *present = wrap,
            None => self.wraps.push(wrap),
        }
    }

    /// By the seal's name.
    pub fn of(&self, seal: &str) -> Option<&Wrap> {
        self.wraps.iter().find(|wrap| wrap.seal() == seal)
    }

    /// The wraps that open without anybody's help.
    pub fn automatic(&self) -> impl Iterator<Item = &Wrap> {
        self.wraps.iter().filter(|wrap| wrap.kind.is_automatic())
    }

    pub fn join_wraps(&self) -> Vec<JoinWrap> {
        let wraps = self.wraps.iter().filter(|w| !w.join.is_empty());
        let join =
            |w: &Wrap| JoinWrap { kind: w.kind, name: w.name.clone(), key_id: w.key_id.clone(), bytes: w.join.clone() };
        wraps.map(join).collect()
    }
}

impl Wrap {
    /// As that of the seal of this name.
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        if name == self.kind.name() {
            self.name.clear();
        }
        self
    }

    /// The name of its seal.
    pub fn seal(&self) -> &str {
        called(self.kind, &self.name)
    }

    /// It still unseals; nobody joins by it.
    pub fn forget_join_key(&mut self) {
        self.join.clear();
        self.join_id.clear();
    }
}

fn called(kind: SealKind, name: &str) -> &str {
    if name.is_empty() { kind.name() } else { name }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    #[error("the key does not belong to what seals this server")]
    WrongKey,
    #[error("the wrapped root key is damaged, or another key bears the same id")]
    Damaged,
    #[error("it has no wrap of this cluster's root key: it was removed, or not added yet")]
    NoWrap,
    #[error("the wrapped root key has format {0}, which this version does not know: it was written by a newer one")]
    UnknownFormat(u32),
    #[error("the key service refused: {0}")]
    Refused(String),
    #[error("the seal cannot be reached: {0}")]
    Unavailable(String),
}

impl From<SealFailure> for UnwrapError {
    fn from(failure: SealFailure) -> Self {
        match failure {
            SealFailure::DoesNotOpen => Self::Damaged,
            SealFailure::NoSuchKey(_) => Self::WrongKey,
            SealFailure::Refused(why) => Self::Refused(why),
            SealFailure::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// A wrap counts when it was opened again: so it is, before anybody gets it.
pub async fn wrap_root(seal: &dyn Seal, root: &RootKey, join: &JoinKey) -> Result<Wrap, SealFailure> {
    let (kind, key_id) = (seal.kind(), seal.key_id());
    let bytes = wrapped(seal, &root_purpose(kind, &key_id), root.locked().expose()).await?;
    let (mut sealed, mut join_id) = (Vec::new(), String::new());
    if kind.is_automatic() {
        sealed = wrapped(seal, &join_purpose(kind, &key_id), join.expose()).await?;
        join_id = join.id();
    }
    Ok(Wrap { kind, name: String::new(), key_id, bytes, join: sealed, join_id })
}

async fn wrapped(seal: &dyn Seal, purpose: &str, plain: &[u8; 32]) -> Result<Vec<u8>, SealFailure> {
    let sealed = seal.encrypt(purpose, plain).await?;
    let opened = seal.decrypt(&seal.key_id(), purpose, &sealed).await?;
    if crypto::ct_eq(&opened, plain) { Ok(sealed) } else { Err(SealFailure::DoesNotOpen) }
}

/// Opens the wrap that the seal has the key of, if there is one.
pub async fn unwrap_root(seal: &dyn Seal, wrapped: &WrappedRoot) -> Result<RootKey, UnwrapError> {
    unwrap_fitting_root(seal, "", wrapped, |_| true).await
}

/// The same for a seal of that name, whose own wrap is tried first. What does not fit is passed over, as a wrap of another root key is.
pub async fn unwrap_fitting_root(
    seal: &dyn Seal,
    name: &str,
    wrapped: &WrappedRoot,
    fits: impl Fn(&RootKey) -> bool + Send + Sync,
) -> Result<RootKey, UnwrapError> {
    if wrapped.format != WrappedRoot::FORMAT {
        return Err(UnwrapError::UnknownFormat(wrapped.format));
    }
    let mut of_kind: Vec<&Wrap> = wrapped.wraps.iter().filter(|wrap| wrap.kind == seal.kind()).collect();
    of_kind.sort_by_key(|wrap| wrap.seal() != name);
    let sealed = of_kind.into_iter();
    let sealed = sealed.map(|wrap| (&*wrap.key_id, root_purpose(wrap.kind, &wrap.key_id), &*wrap.bytes));
    open_any(seal, sealed, |key| Some(RootKey::from_key(key)).filter(&fits)).await
}

/// Opens the one that was sealed with this seal's key. Of two seals of one kind, each fails at what the other sealed, in whatever
/// way: so each is tried, and of the failures the one is told that time may mend.
async fn open_any<'a, S: Seal + ?Sized, T>(
    seal: &S,
    sealed: impl Iterator<Item = (&'a str, String, &'a [u8])> + Send,
    accept: impl Fn(Key32) -> Option<T> + Send + Sync,
) -> Result<T, UnwrapError> {
    let mut found = UnwrapError::WrongKey;
    for (key_id, purpose, bytes) in sealed {
        let opened = seal.decrypt(key_id, &purpose, bytes).await;
        match opened.map(|opened| key(&opened).ok().and_then(&accept)) {
            Ok(Some(opened)) => return Ok(opened),
            Err(SealFailure::NoSuchKey(_)) => {}
            Ok(None) | Err(SealFailure::DoesNotOpen) if found == UnwrapError::WrongKey => found = UnwrapError::Damaged,
            Ok(None) | Err(SealFailure::DoesNotOpen) => {}
            Err(failure @ (SealFailure::Refused(_) | SealFailure::Unavailable(_))) => found = failure.into(),
        }
    }
    Err(found)
}

fn key(bytes: &[u8]) -> Result<Key32, UnwrapError> {
    Key32::from_slice(bytes).map_err(|_| UnwrapError::Damaged)
}

fn root_purpose(kind: SealKind, key_id: &str) -> String {
    format!("holdfast root wrap {} {} {key_id}", WrappedRoot::FORMAT, kind.name())
}

fn join_purpose(kind: SealKind, key_id: &str) -> String {
    format!("holdfast join wrap {} {} {key_id}", WrappedRoot::FORMAT, kind.name())
}

#[cfg(test)]
mod tests;
