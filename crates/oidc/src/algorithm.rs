//! The algorithms that tokens can be signed with.

use crypto::{Hash, InvalidKey, KeyKind, PrivateKey, PublicKey, Scheme, Unfit, der_of, fixed_of};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

impl Algorithm {
    pub const ALL: [Self; 7] =
        [Self::RS256, Self::RS384, Self::RS512, Self::ES256, Self::ES384, Self::ES512, Self::EdDSA];

    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    pub fn is_rsa(self) -> bool {
        matches!(self, Self::RS256 | Self::RS384 | Self::RS512)
    }

    /// Takes long for RSA.
    pub fn generate(self) -> Result<PrivateKey, InvalidKey> {
        PrivateKey::generate(self.kind())
    }

    fn kind(self) -> KeyKind {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 => KeyKind::Rsa(2048),
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::ES512 => KeyKind::P521,
            Self::EdDSA => KeyKind::Ed25519,
        }
    }

    /// What a claim that hashes something is made with. Ed25519 has SHA-512 inside.
    pub fn hash(self) -> Hash {
        match self {
            Self::RS256 | Self::ES256 => Hash::Sha256,
            Self::RS384 | Self::ES384 => Hash::Sha384,
            Self::RS512 | Self::ES512 | Self::EdDSA => Hash::Sha512,
        }
    }

    fn scheme(self) -> Scheme {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 => Scheme::Pkcs1(Some(self.hash())),
            Self::ES256 | Self::ES384 | Self::ES512 => Scheme::Ecdsa,
            Self::EdDSA => Scheme::Ed25519,
        }
    }

    fn input(self, message: &[u8]) -> Vec<u8> {
        if self == Self::EdDSA { message.to_vec() } else { self.hash().digest(message) }
    }

    pub fn sign(self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, Unfit> {
        let signature = key.sign(self.scheme(), &self.input(message))?;
        if self.scheme() == Scheme::Ecdsa { fixed_of(self.kind(), &signature).ok_or(Unfit) } else { Ok(signature) }
    }

    #[must_use]
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        if key.kind() != self.kind() {
            return false;
        }
        let der = if self.scheme() == Scheme::Ecdsa { der_of(signature) } else { Some(signature.to_vec()) };
        der.is_some_and(|signature| key.verify(self.scheme(), &self.input(message), &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verifies_what_it_signs_and_nothing_else() {
        for algorithm in Algorithm::ALL {
            let key = algorithm.generate().unwrap();
            let mut signature = algorithm.sign(&key, b"said").unwrap();
            assert!(algorithm.verify(key.public(), b"said", &signature), "{algorithm:?}");
            assert!(!algorithm.verify(key.public(), b"other", &signature), "{algorithm:?}");
            assert!(!algorithm.verify(algorithm.generate().unwrap().public(), b"said", &signature), "{algorithm:?}");
            signature[3] ^= 1;
            assert!(!algorithm.verify(key.public(), b"said", &signature), "{algorithm:?}");
            assert!(!algorithm.verify(key.public(), b"said", &[]), "{algorithm:?}");
            assert_eq!(Algorithm::by_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!((Algorithm::by_name("HS256"), Algorithm::by_name("none")), (None, None));
    }
}
