//! A token as its holder has it, and as it is stored.

use std::fmt;

use sdk::NamespaceId;
use serde::{Deserialize, Serialize};
use storage::Path;
use zeroize::Zeroizing;

use crate::{letters, space};

/// What a client sends. No Debug, no Eq: it is a secret.
#[derive(Clone)]
pub struct ClientToken(Zeroizing<String>);

impl ClientToken {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// `s.` and 24 letters and digits, about 142 bits; then the namespace that it belongs to, if that is not the root.
    pub fn random(home: &NamespaceId) -> Self {
        Self::new(with_home(format!("s.{}", letters::random(24)), home))
    }

    /// The namespace that it says it belongs to. A token that says of none is one of the root namespace; none of its is
    /// found under another one's name.
    pub(crate) fn home(&self) -> NamespaceId {
        home_of(&self.0)
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

/// What is given out of a namespace: behind the last point is where it belongs.
pub(super) fn with_home(text: String, home: &NamespaceId) -> String {
    if home.is_root() { text } else { format!("{text}.{}", home.as_str()) }
}

pub(super) fn home_of(text: &str) -> NamespaceId {
    text.rsplit_once('.').and_then(|(_, home)| NamespaceId::parse(home)).unwrap_or_default()
}

/// The HMAC of a token, in hexadecimal, and the namespace it belongs to: names its records, opens nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenKey(String);

impl TokenKey {
    pub(super) fn new(mac: [u8; 32], home: &NamespaceId) -> Self {
        Self(with_home(hex::encode(mac), home))
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

    /// The namespace that the token belongs to.
    pub fn home(&self) -> NamespaceId {
        home_of(&self.0)
    }

    /// What its records there are called.
    pub(super) fn mac(&self) -> &str {
        self.0.split_once('.').map_or(self.0.as_str(), |(mac, _)| mac)
    }

    /// Where its records are.
    pub(super) fn records(&self) -> Path {
        space::records(&self.home())
    }

    /// What the token keeps for itself in a namespace.
    pub fn cubbyhole(&self, ns: &NamespaceId) -> Path {
        space::cubbyhole(&self.home(), self.mac(), ns)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}
