//! Hashes and HMACs of every kind that clients may ask for.

#![allow(unsafe_code)] // Calls of the C library.

use aws_lc_sys as sys;

use crate::handle::went_well;

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
        let mut out = vec![0; self.size()];
        let mut len = 0;
        // SAFETY: `out` has the digest's size.
        let done = unsafe {
            let null = std::ptr::null_mut();
            sys::EVP_Digest(data.as_ptr().cast(), data.len(), out.as_mut_ptr(), &mut len, self.md(), null)
        };
        assert!(went_well(done), "invariant: hashing needs nothing but memory");
        out
    }

    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.size()];
        let mut len = 0;
        // SAFETY: `out` has the digest's size.
        let done = unsafe {
            let (key_at, out_at) = (key.as_ptr().cast(), out.as_mut_ptr());
            sys::HMAC(self.md(), key_at, key.len(), data.as_ptr(), data.len(), out_at, &mut len)
        };
        assert!(!done.is_null(), "invariant: an HMAC needs nothing but memory");
        out
    }

    pub(crate) fn md(self) -> *const sys::EVP_MD {
        // SAFETY: each returns a constant.
        unsafe {
            match self {
                Self::Sha1 => sys::EVP_sha1(),
                Self::Sha224 => sys::EVP_sha224(),
                Self::Sha256 => sys::EVP_sha256(),
                Self::Sha384 => sys::EVP_sha384(),
                Self::Sha512 => sys::EVP_sha512(),
                Self::Sha3_224 => sys::EVP_sha3_224(),
                Self::Sha3_256 => sys::EVP_sha3_256(),
                Self::Sha3_384 => sys::EVP_sha3_384(),
                Self::Sha3_512 => sys::EVP_sha3_512(),
            }
        }
    }
}

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
