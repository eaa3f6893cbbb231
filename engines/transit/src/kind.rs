//! The types of keys, and what each can do.

use crypto::{CipherKind, KeyKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    #[serde(rename = "aes128-gcm96")]
    Aes128,
    #[serde(rename = "aes256-gcm96")]
    Aes256,
    #[serde(rename = "chacha20-poly1305")]
    ChaCha20,
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20,
    #[serde(rename = "ed25519")]
    Ed25519,
    #[serde(rename = "ecdsa-p256")]
    P256,
    #[serde(rename = "ecdsa-p384")]
    P384,
    #[serde(rename = "ecdsa-p521")]
    P521,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    #[serde(rename = "hmac")]
    Hmac,
}

const NAMES: [(&str, Kind); 12] = [
    ("aes128-gcm96", Kind::Aes128),
    ("aes256-gcm96", Kind::Aes256),
    ("chacha20-poly1305", Kind::ChaCha20),
    ("xchacha20-poly1305", Kind::XChaCha20),
    ("ed25519", Kind::Ed25519),
    ("ecdsa-p256", Kind::P256),
    ("ecdsa-p384", Kind::P384),
    ("ecdsa-p521", Kind::P521),
    ("rsa-2048", Kind::Rsa2048),
    ("rsa-3072", Kind::Rsa3072),
    ("rsa-4096", Kind::Rsa4096),
    ("hmac", Kind::Hmac),
];

impl Kind {
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub fn cipher(self) -> Option<CipherKind> {
        match self {
            Self::Aes128 => Some(CipherKind::Aes128Gcm),
            Self::Aes256 => Some(CipherKind::Aes256Gcm),
            Self::ChaCha20 => Some(CipherKind::ChaCha20Poly1305),
            Self::XChaCha20 => Some(CipherKind::XChaCha20Poly1305),
            _ => None,
        }
    }

    pub fn pair(self) -> Option<KeyKind> {
        match self {
            Self::Ed25519 => Some(KeyKind::Ed25519),
            Self::P256 => Some(KeyKind::P256),
            Self::P384 => Some(KeyKind::P384),
            Self::P521 => Some(KeyKind::P521),
            Self::Rsa2048 => Some(KeyKind::Rsa(2048)),
            Self::Rsa3072 => Some(KeyKind::Rsa(3072)),
            Self::Rsa4096 => Some(KeyKind::Rsa(4096)),
            _ => None,
        }
    }

    pub fn is_rsa(self) -> bool {
        matches!(self.pair(), Some(KeyKind::Rsa(_)))
    }

    pub fn is_curve(self) -> bool {
        matches!(self, Self::P256 | Self::P384 | Self::P521)
    }

    pub fn encrypts(self) -> bool {
        self.cipher().is_some() || self.is_rsa()
    }

    pub fn signs(self) -> bool {
        self.pair().is_some()
    }

    pub fn derives(self) -> bool {
        self.cipher().is_some() || self == Self::Ed25519
    }
}
