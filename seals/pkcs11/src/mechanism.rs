//! The ways of encrypting that are used. What was encrypted says which one it was.

use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::rsa::PkcsMgfType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// `CKM_AES_GCM`, with a secret key.
    AesGcm,
    /// `CKM_RSA_PKCS_OAEP`, with a key pair.
    RsaOaep(Hash),
}

/// Of OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Mechanism {
    /// By the names and numbers that configurations use. `hash` is OAEP's.
    pub fn parse(text: &str, hash: Hash) -> Option<Self> {
        match text.to_ascii_uppercase().trim_start_matches("CKM_") {
            "AES_GCM" | "0X1087" | "4231" => Some(Self::AesGcm),
            "RSA_PKCS_OAEP" | "0X0009" | "0X9" | "9" => Some(Self::RsaOaep(hash)),
            _ => None,
        }
    }

    /// What a ciphertext begins with.
    pub(crate) fn mark(self) -> u8 {
        match self {
            Self::AesGcm => 1,
            Self::RsaOaep(Hash::Sha1) => 2,
            Self::RsaOaep(Hash::Sha224) => 3,
            Self::RsaOaep(Hash::Sha256) => 4,
            Self::RsaOaep(Hash::Sha384) => 5,
            Self::RsaOaep(Hash::Sha512) => 6,
        }
    }

    pub(crate) fn marked(mark: u8) -> Option<Self> {
        let hashes = [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512];
        let mut all = std::iter::once(Self::AesGcm).chain(hashes.map(Self::RsaOaep));
        all.find(|mechanism| mechanism.mark() == mark)
    }
}

impl Hash {
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "sha1" => Some(Self::Sha1),
            "sha224" => Some(Self::Sha224),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(crate) fn of_device(self) -> (MechanismType, PkcsMgfType) {
        match self {
            Self::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
            Self::Sha224 => (MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
            Self::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
            Self::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
            Self::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        }
    }
}
