//! The seal: what stands between a stopped server and its root key.
//!
//! A seal wraps the root key. Several wraps of one root key may stand side by side, each opened by another means; any of
//! them suffices. So far the one kind is `shamir`: the wrapping key is what an operator's shares combine to.

use crypto::{Aead, Key32};
use serde::{Deserialize, Serialize};

use crate::{JoinKey, RootKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    Shamir,
}

impl SealKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shamir => "shamir",
        }
    }
}

/// How many shares there are and how many unseal. Nothing in it is secret; whatever exists can be split by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSealConfig")]
pub struct SealConfig {
    kind: SealKind,
    shares: u8,
    threshold: u8,
    nonce: String,
}

/// As stored, before anybody has looked at the numbers.
#[derive(Deserialize)]
struct RawSealConfig {
    kind: SealKind,
    shares: i64,
    threshold: i64,
    nonce: String,
}

impl TryFrom<RawSealConfig> for SealConfig {
    type Error = SealConfigError;

    fn try_from(raw: RawSealConfig) -> Result<Self, SealConfigError> {
        match raw.kind {
            SealKind::Shamir => Self::shamir(raw.shares, raw.threshold, raw.nonce),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealConfigError {
    #[error("shares must be at least one")]
    NoShares,
    #[error("shares must be less than 256")]
    TooManyShares,
    #[error("threshold must be at least one")]
    NoThreshold,
    #[error("threshold cannot be larger than shares")]
    ThresholdAboveShares,
    #[error("threshold must be greater than one for multiple shares")]
    ThresholdOfOne,
}

impl SealConfig {
    /// From the numbers of a request, which may be anything.
    pub fn shamir(shares: i64, threshold: i64, nonce: String) -> Result<Self, SealConfigError> {
        if shares < 1 {
            return Err(SealConfigError::NoShares);
        }
        let shares = u8::try_from(shares).map_err(|_| SealConfigError::TooManyShares)?;
        if threshold < 1 {
            return Err(SealConfigError::NoThreshold);
        }
        if shares > 1 && threshold == 1 {
            return Err(SealConfigError::ThresholdOfOne);
        }
        let threshold = u8::try_from(threshold).map_err(|_| SealConfigError::ThresholdAboveShares)?;
        if threshold > shares {
            return Err(SealConfigError::ThresholdAboveShares);
        }
        Ok(Self { kind: SealKind::Shamir, shares, threshold, nonce })
    }

    pub fn kind(&self) -> SealKind {
        self.kind
    }

    pub fn shares(&self) -> u8 {
        self.shares
    }

    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Tells an earlier set of shares from the present one.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}

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

    /// The bytes themselves. Whoever calls this answers for what becomes of them.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    fn id(&self) -> String {
        let derived = crypto::derive_key(self.0.expose(), "holdfast unseal key id");
        hex::encode(&derived.expose()[..16])
    }

    fn cipher(&self) -> Aead {
        Aead::new(&crypto::derive_key(self.0.expose(), "holdfast root wrap key"))
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    #[error("the key shares do not combine to the key that seals this server")]
    WrongKey,
    #[error("the wrapped root key is damaged")]
    Damaged,
    #[error("the wrapped root key has format {0}, which this version does not know: it was written by a newer one")]
    UnknownFormat(u32),
}

pub fn wrap_root(unseal: &UnsealKey, root: &RootKey) -> Wrap {
    let (kind, key_id) = (SealKind::Shamir, unseal.id());
    let bytes = unseal.cipher().seal(&bound(kind, &key_id), root.locked().expose());
    Wrap { kind, key_id, bytes }
}

pub fn unwrap_root(unseal: &UnsealKey, wrapped: &WrappedRoot) -> Result<RootKey, UnwrapError> {
    if wrapped.format != WrappedRoot::FORMAT {
        return Err(UnwrapError::UnknownFormat(wrapped.format));
    }
    let id = unseal.id();
    let wrap = wrapped.wraps.iter().find(|w| w.kind == SealKind::Shamir && w.key_id == id);
    let wrap = wrap.ok_or(UnwrapError::WrongKey)?;
    let opened = unseal.cipher().open(&bound(wrap.kind, &wrap.key_id), &wrap.bytes);
    let bytes = opened.map_err(|_| UnwrapError::Damaged)?;
    Key32::from_slice(&bytes).map(RootKey::from_key).map_err(|_| UnwrapError::Damaged)
}

fn bound(kind: SealKind, key_id: &str) -> Vec<u8> {
    format!("holdfast root wrap {} {} {key_id}", WrappedRoot::FORMAT, kind.name()).into_bytes()
}

#[cfg(test)]
mod tests;
