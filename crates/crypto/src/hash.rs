//! Hashes and HMACs of every kind that clients may ask for.

use openssl::hash::MessageDigest;
use openssl::md::{Md, MdRef};
use openssl::pkey::PKey;
use openssl::sign::Signer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl Hash {
    /// As the API names it.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "sha1" => Self::Sha1,
            "sha2-224" => Self::Sha224,
            "sha2-256" => Self::Sha256,
            "sha2-384" => Self::Sha384,
            "sha2-512" => Self::Sha512,
            "sha3-224" => Self::Sha3_224,
            "sha3-256" => Self::Sha3_256,
            "sha3-384" => Self::Sha3_384,
            "sha3-512" => Self::Sha3_512,
            _ => return None,
        })
    }

    /// Of a digest, in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        let digest = openssl::hash::hash(self.message_digest(), data);
        digest.expect("invariant: hashing needs nothing but memory").to_vec()
    }

    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let key = PKey::hmac(key).expect(HMAC);
        let mut signer = Signer::new(self.message_digest(), &key).expect(HMAC);
        signer.sign_oneshot_to_vec(data).expect(HMAC)
    }

    fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
            Self::Sha3_224 => MessageDigest::sha3_224(),
            Self::Sha3_256 => MessageDigest::sha3_256(),
            Self::Sha3_384 => MessageDigest::sha3_384(),
            Self::Sha3_512 => MessageDigest::sha3_512(),
        }
    }

    /// As key pairs name it.
    pub(crate) fn md(self) -> Option<&'static MdRef> {
        Md::from_nid(self.message_digest().type_())
    }
}

const HMAC: &str = "invariant: an HMAC needs nothing but memory";

#[cfg(test)]
mod tests {
    use super::*;

    /// "abc" of FIPS 180 and FIPS 202; RFC 4231, case 2.
    #[test]
    fn known_answers() {
        for (hash, starts) in [
            (Hash::Sha1, "a9993e364706816a"),
            (Hash::Sha224, "23097d223405d822"),
            (Hash::Sha256, "ba7816bf8f01cfea"),
            (Hash::Sha384, "cb00753f45a35e8b"),
            (Hash::Sha512, "ddaf35a193617aba"),
            (Hash::Sha3_224, "e642824c3f8cf24a"),
            (Hash::Sha3_256, "3a985da74fe225b2"),
            (Hash::Sha3_384, "ec01498288516fc9"),
            (Hash::Sha3_512, "b751850b1a57168a"),
        ] {
            assert!(hex::encode(hash.digest(b"abc")).starts_with(starts), "{hash:?}");
        }
        let mac = Hash::Sha512.hmac(b"Jefe", b"what do ya want for nothing?");
        assert!(hex::encode(mac).starts_with("164b7a7bfcf819e2"));
    }
}
