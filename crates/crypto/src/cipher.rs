//! The AEADs that clients choose from, in one form: nonce ‖ ciphertext ‖ tag (16).
//!
//! Random nonces bound one AES-GCM or ChaCha20 key to about 2³² messages; XChaCha20's are long enough not to.

#![allow(unsafe_code)] // Calls of the C library.

use aws_lc_sys as sys;
use zeroize::Zeroizing;

use crate::handle::{Owned, went_well};
use crate::{InvalidKey, OpenError, fill_random};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherKind {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    XChaCha20Poly1305,
}

impl CipherKind {
    pub fn key_len(self) -> usize {
        if self == Self::Aes128Gcm { 16 } else { 32 }
    }

    pub fn nonce_len(self) -> usize {
        if self == Self::XChaCha20Poly1305 { 24 } else { 12 }
    }
}

pub struct Cipher {
    kind: CipherKind,
    context: Owned<sys::EVP_AEAD_CTX>,
}

const TAG_LEN: usize = 16;

impl Cipher {
    pub fn new(kind: CipherKind, key: &[u8]) -> Result<Self, InvalidKey> {
        // SAFETY: the algorithms are constants; the key's length is checked there; the context is ours.
        let context = unsafe {
            let algorithm = match kind {
                CipherKind::Aes128Gcm => sys::EVP_aead_aes_128_gcm(),
                CipherKind::Aes256Gcm => sys::EVP_aead_aes_256_gcm(),
                CipherKind::ChaCha20Poly1305 => sys::EVP_aead_chacha20_poly1305(),
                CipherKind::XChaCha20Poly1305 => sys::EVP_aead_xchacha20_poly1305(),
            };
            if key.len() != kind.key_len() {
                return Err(InvalidKey);
            }
            Owned::new(sys::EVP_AEAD_CTX_new(algorithm, key.as_ptr(), key.len(), TAG_LEN), sys::EVP_AEAD_CTX_free)
        };
        context.map(|context| Self { kind, context }).ok_or(InvalidKey)
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; 24];
        let nonce = &mut nonce[..self.kind.nonce_len()];
        fill_random(nonce);
        self.seal_with(nonce, aad, plain)
    }

    /// With a nonce that the plaintext determines: the same one never stands for two plaintexts. What is too long is cut.
    pub fn seal_convergent(&self, nonce: &[u8; 32], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.seal_with(&nonce[..self.kind.nonce_len()], aad, plain)
    }

    fn seal_with(&self, nonce: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let room = plain.len() + TAG_LEN;
        let mut out = vec![0; nonce.len() + room];
        out[..nonce.len()].copy_from_slice(nonce);
        let mut len = 0;
        // SAFETY: behind the nonce there is room for the ciphertext and its tag.
        let done = unsafe {
            let (at, context) = (out.as_mut_ptr().add(nonce.len()), self.context.get());
            let (nonce_at, plain_at, aad_at) = (nonce.as_ptr(), plain.as_ptr(), aad.as_ptr());
            let (n, p, a) = (nonce.len(), plain.len(), aad.len());
            sys::EVP_AEAD_CTX_seal(context, at, &mut len, room, nonce_at, n, plain_at, p, aad_at, a)
        };
        assert!(went_well(done), "invariant: a message is far smaller than 64 GiB");
        out
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, text) = sealed.split_at_checked(self.kind.nonce_len()).ok_or(OpenError)?;
        let mut out = Zeroizing::new(vec![0; text.len()]);
        let mut len = 0;
        // SAFETY: the plaintext is shorter than the ciphertext with its tag.
        let done = unsafe {
            let (at, room, context) = (out.as_mut_ptr(), out.len(), self.context.get());
            let (nonce_at, text_at, aad_at) = (nonce.as_ptr(), text.as_ptr(), aad.as_ptr());
            let (n, t, a) = (nonce.len(), text.len(), aad.len());
            sys::EVP_AEAD_CTX_open(context, at, &mut len, room, nonce_at, n, text_at, t, aad_at, a)
        };
        if !went_well(done) {
            return Err(OpenError);
        }
        out.truncate(len);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [CipherKind; 4] =
        [CipherKind::Aes128Gcm, CipherKind::Aes256Gcm, CipherKind::ChaCha20Poly1305, CipherKind::XChaCha20Poly1305];

    /// draft-irtf-cfrg-xchacha-03, A.3.1; McGrew and Viega's test case 2 (AES-128).
    #[test]
    fn known_answers() {
        let hexed = |text: &str| hex::decode(text).unwrap();
        let key: Vec<u8> = (0x80..0xa0).collect();
        let nonce: Vec<u8> = (0x40..0x58).collect();
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
            sunscreen would be it.";
        let sealed = Cipher::new(CipherKind::XChaCha20Poly1305, &key).unwrap().seal_with(
            &nonce,
            &hexed("50515253c0c1c2c3c4c5c6c7"),
            plain,
        );
        assert!(hex::encode(&sealed[24..]).starts_with("bd6d179d3e83d43b9576579493c0e939"));
        assert!(hex::encode(&sealed).ends_with("c0875924c1c7987947deafd8780acf49"));
        let sealed = Cipher::new(CipherKind::Aes128Gcm, &[0; 16]).unwrap().seal_with(&[0; 12], &[], &[0; 16]);
        assert_eq!(hex::encode(&sealed[12..]), "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
    }

    #[test]
    fn only_what_was_sealed_opens() {
        for kind in KINDS {
            let cipher = Cipher::new(kind, &vec![7; kind.key_len()]).unwrap();
            let sealed = cipher.seal(b"place", b"text");
            assert_eq!(*cipher.open(b"place", &sealed).unwrap(), b"text");
            assert_ne!(sealed, cipher.seal(b"place", b"text"));
            assert!(cipher.open(b"other", &sealed).is_err());
            for at in 0..sealed.len() {
                let mut bad = sealed.clone();
                bad[at] ^= 1;
                assert!(cipher.open(b"place", &bad).is_err() && cipher.open(b"place", &sealed[..at]).is_err());
            }
            assert!(cipher.open(b"", &cipher.seal(b"", b"")).unwrap().is_empty());
            assert!(Cipher::new(kind, &[0; 31]).is_err());
        }
    }
}
