//! AES-256-GCM-SIV under a fixed nonce: equal input gives equal output, which is what a lookup by encrypted name needs.
//!
//! Equality (same key, same associated data, same bytes) is all that a reader of the ciphertexts learns. RFC 8452 states
//! this for repeated nonces; with one nonce throughout, the bound is a collision of 128-bit tags, so ~2⁴⁸ messages stay
//! far from it. The library keeps its expanded key on the C heap and cleanses it when it is freed; it is not pinned.
//!
//! Sealed form: ciphertext ‖ tag (16).

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{Key32, OpenError};

pub struct Siv(LessSafeKey);

impl Siv {
    pub const TAG_LEN: usize = 16;

    pub fn new(key: &Key32) -> Self {
        // The only thing UnboundKey checks is the length.
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM_SIV, key.expose()).expect("invariant: an AES-256 key has 32 bytes"),
        ))
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.seal_with_nonce(FIXED_NONCE, aad, plain)
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.open_with_nonce(FIXED_NONCE, aad, sealed)
    }

    fn seal_with_nonce(&self, nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + Self::TAG_LEN);
        out.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out)
            // The limit is 64 GiB a message, and every message here is bounded by a key's or a request's length.
            .expect("invariant: a message is far smaller than 64 GiB");
        out
    }

    fn open_with_nonce(&self, nonce: [u8; 12], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut buffer = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let len = self.0.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| OpenError)?.len();
        buffer.truncate(len);
        Ok(buffer)
    }
}

const FIXED_NONCE: [u8; 12] = [0; 12];

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8452, appendix C.2 (AEAD_AES_256_GCM_SIV): key 01 00…, nonce 03 00….
    #[test]
    fn known_answers() {
        let mut key = [0; 32];
        key[0] = 1;
        let mut nonce = [0; 12];
        nonce[0] = 3;
        let siv = Siv::new(&Key32::from_slice(&key).unwrap());
        let cases = [
            ("", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
            ("0100000000000000", "", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
            ("0200000000000000", "01", "1de22967237a813291213f267e3b452f02d01ae33e4ec854"),
            ("02000000", "010000000000000000000000", "22b3f4cd1835e517741dfddccfa07fa4661b74cf"),
        ];
        for (plain, aad, sealed) in cases {
            let (plain, aad) = (hex::decode(plain).unwrap(), hex::decode(aad).unwrap());
            let got = siv.seal_with_nonce(nonce, &aad, &plain);
            assert_eq!(hex::encode(&got), sealed);
            assert_eq!(siv.open_with_nonce(nonce, &aad, &got).unwrap(), plain);
        }
    }

    #[test]
    fn equal_input_equal_output_and_nothing_else_opens() {
        let siv = Siv::new(&Key32::from_slice(&[1; 32]).unwrap());
        let sealed = siv.seal(b"folder", b"name");
        assert_eq!(sealed, siv.seal(b"folder", b"name"));
        assert_ne!(sealed, siv.seal(b"other", b"name"));
        assert_ne!(sealed, siv.seal(b"folder", b"nane"));
        assert_eq!(siv.open(b"folder", &sealed).unwrap(), b"name");
        assert!(siv.open(b"other", &sealed).is_err());
        assert!(Siv::new(&Key32::from_slice(&[2; 32]).unwrap()).open(b"folder", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(siv.open(b"folder", &bad).is_err(), "byte {at}");
            assert!(siv.open(b"folder", &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
