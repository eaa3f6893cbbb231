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

    /// Whether what was encrypted under that key should be encrypted anew, because by now another key does that.
    fn is_outdated(&self, key_id: &str, _sealed: &[u8]) -> bool {
        key_id != self.key_id()
    }

    /// What the seal does by itself while the server runs, as renewing what it logs in with. It has no end.
    async fn keep(&self) {
        std::future::pending().await
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure>;

    /// `key_id` names the key that it was encrypted under, which may be one before the present one.
    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure>;

    /// The proof of holding this seal that a node joins with. Who cannot derive it has it wrapped by the cluster.
    async fn find_join_key(&self, wraps: &[JoinWrap]) -> Result<JoinKey, UnwrapError> {
        let of_kind = wraps.iter().filter(|wrap| wrap.kind == self.kind());
        let sealed = of_kind.map(|wrap| (&*wrap.key_id, join_purpose(wrap.kind, &wrap.key_id), &*wrap.bytes));
        open_any(self, sealed).await.map(JoinKey::from_key)
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
}

/// What a joiner is sent so that its seal yields the join key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWrap {
    pub kind: SealKind,
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
        wraps.map(|w| JoinWrap { kind: w.kind, key_id: w.key_id.clone(), bytes: w.join.clone() }).collect()
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
        if self.name.is_empty() { self.kind.name() } else { &self.name }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    #[error("the key does not belong to what seals this server")]
    WrongKey,
    #[error("the wrapped root key is damaged, or another key bears the same id")]
    Damaged,
    #[error("the wrapped root key has format {0}, which this version does not know: it was written by a newer one")]
    UnknownFormat(u32),
    #[error("the seal cannot be reached: {0}")]
    Unavailable(String),
}

impl From<SealFailure> for UnwrapError {
    fn from(failure: SealFailure) -> Self {
        match failure {
            SealFailure::DoesNotOpen => Self::Damaged,
            SealFailure::NoSuchKey(_) => Self::WrongKey,
            SealFailure::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

pub async fn wrap_root(seal: &dyn Seal, root: &RootKey, join: &JoinKey) -> Result<Wrap, SealFailure> {
    let (kind, key_id) = (seal.kind(), seal.key_id());
    let bytes = seal.encrypt(&root_purpose(kind, &key_id), root.locked().expose()).await?;
    let join =
        if kind.is_automatic() { seal.encrypt(&join_purpose(kind, &key_id), join.expose()).await? } else { Vec::new() };
    Ok(Wrap { kind, name: String::new(), key_id, bytes, join })
}

/// Opens the wrap that the seal has the key of, if there is one.
pub async fn unwrap_root(seal: &dyn Seal, wrapped: &WrappedRoot) -> Result<RootKey, UnwrapError> {
    if wrapped.format != WrappedRoot::FORMAT {
        return Err(UnwrapError::UnknownFormat(wrapped.format));
    }
    let of_kind = wrapped.wraps.iter().filter(|wrap| wrap.kind == seal.kind());
    let sealed = of_kind.map(|wrap| (&*wrap.key_id, root_purpose(wrap.kind, &wrap.key_id), &*wrap.bytes));
    open_any(seal, sealed).await.map(RootKey::from_key)
}

/// Opens the one that was sealed with this seal's key. Of two seals of one kind, each fails at what the other sealed, in whatever
/// way: so each is tried, and of the failures the one is told that time may mend.
async fn open_any<'a, S: Seal + ?Sized>(
    seal: &S,
    sealed: impl Iterator<Item = (&'a str, String, &'a [u8])>,
) -> Result<Key32, UnwrapError> {
    let mut found = UnwrapError::WrongKey;
    for (key_id, purpose, bytes) in sealed {
        match seal.decrypt(key_id, &purpose, bytes).await {
            Ok(opened) => return key(&opened),
            Err(SealFailure::NoSuchKey(_)) => {}
            Err(SealFailure::DoesNotOpen) if found == UnwrapError::WrongKey => found = UnwrapError::Damaged,
            Err(SealFailure::DoesNotOpen) => {}
            Err(failure @ SealFailure::Unavailable(_)) => found = failure.into(),
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
