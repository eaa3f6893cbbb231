//! Key bytes and other secrets in plain heap memory: wiped when dropped, never printed, never compared by accident.
//!
//! A key that lives as long as the server is unsealed belongs in a [`LockedKey`](crate::LockedKey) instead.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{KeyLengthError, fill_random};

/// Whether two secrets are equal, in a time that tells nothing but their lengths.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A 256-bit key. Boxed, so that moving it leaves no copy behind; not `Clone`, so that copies are places one can find.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Key32(Box<[u8; 32]>);

impl Key32 {
    pub fn random() -> Self {
        let mut key = Box::new([0; 32]);
        fill_random(key.as_mut_slice());
        Self(key)
    }

    /// Copies the key out of `bytes`, which stay the caller's to wipe.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyLengthError> {
        let mut key = Box::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(KeyLengthError(bytes.len()));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// Lets `fill` write the key where it will stay.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Box::new([0; 32]);
        fill(&mut key);
        Self(key)
    }

    /// The bytes themselves. Whoever calls this answers for what becomes of them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Secret bytes of any length.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    pub fn random(len: usize) -> Self {
        let mut bytes = Zeroizing::new(vec![0; len]);
        fill_random(&mut bytes);
        Self(bytes)
    }

    /// Copies `bytes`, which stay the caller's to wipe.
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes themselves. Whoever calls this answers for what becomes of them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_bytes() {
        assert_eq!(Key32::from_slice(&[7; 32]).unwrap().expose(), &[7; 32]);
        for len in [0, 31, 33] {
            assert_eq!(Key32::from_slice(&vec![7; len]).err(), Some(KeyLengthError(len)));
        }
    }

    #[test]
    fn comparing_sees_every_byte_and_the_length() {
        assert!(ct_eq(b"same", b"same"));
        assert!(!ct_eq(b"same", b"sane"));
        assert!(!ct_eq(b"same", b"same "));
        assert!(ct_eq(b"", b""));
    }
}
