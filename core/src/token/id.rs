//! A token as its holder has it, and as it is stored.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a client sends. No Debug, no Eq: it is a secret.
#[derive(Clone)]
pub struct ClientToken(Zeroizing<String>);

impl ClientToken {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// `s.` and 24 letters and digits, about 142 bits.
    pub fn random() -> Self {
        Self::new(format!("s.{}", random_letters()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for ClientToken {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientToken {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

/// The HMAC of a token, in hexadecimal: names its records, opens nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenKey(String);

impl TokenKey {
    pub fn from_hmac(mac: [u8; 32]) -> Self {
        Self(hex::encode(mac))
    }

    /// A request's own token.
    pub fn of_caller(caller: &sdk::Caller) -> Self {
        Self(caller.cubbyhole.clone())
    }

    pub(super) fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// 24 letters and digits, each equally likely.
pub(super) fn random_letters() -> String {
    random_letters_of(24)
}

/// Letters and digits, each equally likely.
pub(crate) fn random_letters_of(count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let bytes: [u8; 32] = crypto::random();
        // 248 is the largest multiple of 62 in a byte.
        let fair = bytes.iter().filter(|b| **b < 248).map(|b| char::from(LETTERS[usize::from(*b) % 62]));
        out.extend(fair.take(count - out.len()));
    }
    out
}
