//! HKDF-SHA256: many keys from one secret.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::{Key32, OutputTooLong};

/// A key for one purpose, told apart from its siblings by `label`.
pub fn derive_key(secret: &[u8; 32], label: &str) -> Key32 {
    Key32::filled(|key| {
        // 32 bytes are one hash, of the 255 that HKDF can give.
        hkdf_sha256(&[], secret, &[label.as_bytes()], key).expect("invariant: 32 bytes are within HKDF's limit");
    })
}

/// Extract with `salt`, then expand over the parts of `info` set end to end, until `out` is full.
pub fn hkdf_sha256(salt: &[u8], secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), OutputTooLong> {
    let len = out.len();
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let expanded = extracted.expand(info, Length(len)).and_then(|okm| okm.fill(out));
    expanded.map_err(|_| OutputTooLong(len))
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, cases 1 and 3.
    #[test]
    fn known_answers() {
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        let mut okm = [0; 42];
        hkdf_sha256(&salt, &[0x0b; 22], &[&info[..4], &info[4..]], &mut okm).unwrap();
        let want = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(hex::encode(okm), want);
        hkdf_sha256(&[], &[0x0b; 22], &[], &mut okm).unwrap();
        let want = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(hex::encode(okm), want);
    }

    #[test]
    fn labels_part_the_keys() {
        assert_eq!(derive_key(&[1; 32], "a").expose(), derive_key(&[1; 32], "a").expose());
        assert_ne!(derive_key(&[1; 32], "a").expose(), derive_key(&[1; 32], "b").expose());
        assert_ne!(derive_key(&[1; 32], "a").expose(), derive_key(&[2; 32], "a").expose());
    }

    #[test]
    fn asking_for_too_much_is_an_error() {
        assert_eq!(hkdf_sha256(&[], &[1; 32], &[], &mut [0; 8161]), Err(OutputTooLong(8161)));
        assert_eq!(hkdf_sha256(&[], &[1; 32], &[], &mut [0; 8160]), Ok(()));
    }
}
