//! The seal: what stands between a stopped server and its root key.
//!
//! A seal wraps the root key. Several wraps of one root key may stand side by side, each opened by another means; any of
//! them suffices. [`UnsealKey`] is what operators' shares combine to, [`StaticSeal`] a key in the node's configuration;
//! a key service would be a further [`Seal`].

mod config;
mod static_key;
mod unseal_key;

use async_trait::async_trait;
use crypto::Key32;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use config::{SealConfig, SealConfigError};
pub use static_key::StaticSeal;
pub use unseal_key::UnsealKey;

use crate::{JoinKey, RootKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    Shamir,
    Static,
}

impl SealKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shamir => "shamir",
            Self::Static => "static",
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
pub trait Seal: Send + Sync {
    fn kind(&self) -> SealKind;

    /// Names the key that encrypts from now on. Not secret.
    fn key_id(&self) -> String;

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure>;

    /// `key_id` names the key that it was encrypted under, which may be one before the present one.
    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure>;

    /// The proof of holding this seal that a node joins with. Who cannot derive it has it wrapped by the cluster.
    async fn find_join_key(&self, wraps: &[JoinWrap]) -> Result<JoinKey, UnwrapError> {
        for wrap in wraps.iter().filter(|w| w.kind == self.kind()) {
            match self.decrypt(&wrap.key_id, &join_purpose(wrap.kind, &wrap.key_id), &wrap.bytes).await {
                Err(SealFailure::NoSuchKey(_)) => {}
                opened => return key(&opened?).map(JoinKey::from_key),
            }
        }
        Err(UnwrapError::WrongKey)
    }
}

/// The root key, wrapped in one or several ways. Stored; nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedRoot {
    pub format: u32,
    pub wraps: Vec<Wrap>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrap {
    pub kind: SealKind,
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
        Self { format: Self::FORMAT, wraps }
    }

    /// Puts a wrap in place of those of its kind; wraps of other kinds stay.
    pub fn replace(&mut self, wrap: Wrap) {
        self.wraps.retain(|w| w.kind != wrap.kind);
        self.wraps.push(wrap);
    }

    pub fn of_kind(&self, kind: SealKind) -> Option<&Wrap> {
        self.wraps.iter().find(|w| w.kind == kind)
    }

    pub fn join_wraps(&self) -> Vec<JoinWrap> {
        let wraps = self.wraps.iter().filter(|w| !w.join.is_empty());
        wraps.map(|w| JoinWrap { kind: w.kind, key_id: w.key_id.clone(), bytes: w.join.clone() }).collect()
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
    Ok(Wrap { kind, key_id, bytes, join })
}

/// Opens the wrap that the seal has the key of, if there is one.
pub async fn unwrap_root(seal: &dyn Seal, wrapped: &WrappedRoot) -> Result<RootKey, UnwrapError> {
    if wrapped.format != WrappedRoot::FORMAT {
        return Err(UnwrapError::UnknownFormat(wrapped.format));
    }
    for wrap in wrapped.wraps.iter().filter(|w| w.kind == seal.kind()) {
        match seal.decrypt(&wrap.key_id, &root_purpose(wrap.kind, &wrap.key_id), &wrap.bytes).await {
            Err(SealFailure::NoSuchKey(_)) => {}
            opened => return key(&opened?).map(RootKey::from_key),
        }
    }
    Err(UnwrapError::WrongKey)
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
