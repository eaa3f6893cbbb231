//! The AEADs that clients choose from, in one form: nonce ‖ ciphertext ‖ tag (16).
//!
//! Random nonces bound one AES-GCM or ChaCha20 key to about 2³² messages; XChaCha20's are long enough not to.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::wiped::Wiped;
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
    key: Expanded,
}

enum Expanded {
    Short(Wiped<LessSafeKey>),
    Long(Wiped<XChaCha20Poly1305>),
}

const TAG_LEN: usize = 16;

impl Cipher {
    pub fn new(kind: CipherKind, key: &[u8]) -> Result<Self, InvalidKey> {
        let algorithm = match kind {
            CipherKind::Aes128Gcm => &AES_128_GCM,
            CipherKind::Aes256Gcm => &AES_256_GCM,
            CipherKind::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            CipherKind::XChaCha20Poly1305 => {
                let key = XChaCha20Poly1305::new_from_slice(key).map_err(|_| InvalidKey)?;
                return Ok(Self { kind, key: Expanded::Long(Wiped::new(key)) });
            }
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| InvalidKey)?);
        Ok(Self { kind, key: Expanded::Short(Wiped::new(key)) })
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; 24];
        let nonce = &mut nonce[..self.kind.nonce_len()];
        fill_random(nonce);
        self.seal_with(nonce, aad, plain)
    }

    /// With a nonce that `plain` and `aad` determine: the same one never stands for two pairs of them. What is too long is cut.
    pub fn seal_convergent(&self, nonce: &[u8; 32], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.seal_with(&nonce[..self.kind.nonce_len()], aad, plain)
    }

    fn seal_with(&self, nonce: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        // All the room at once: growing later would leave the plaintext behind in the old allocation.
        let mut out = Vec::with_capacity(nonce.len() + plain.len() + TAG_LEN);
        out.extend_from_slice(nonce);
        out.extend_from_slice(plain);
        let text = &mut out[nonce.len()..];
        const SMALL: &str = "invariant: a message is far smaller than 64 GiB";
        match &self.key {
            Expanded::Short(key) => {
                let nonce = Nonce::try_assume_unique_for_key(nonce).expect("invariant: these nonces have 12 bytes");
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).expect(SMALL);
                out.extend_from_slice(tag.as_ref());
            }
            Expanded::Long(key) => {
                let tag = key.encrypt_in_place_detached(XNonce::from_slice(nonce), aad, text).expect(SMALL);
                out.extend_from_slice(&tag);
            }
        }
        out
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, text) = sealed.split_at_checked(self.kind.nonce_len()).ok_or(OpenError)?;
        let mut out = Zeroizing::new(text.to_vec());
        let len = text.len().checked_sub(TAG_LEN).ok_or(OpenError)?;
        match &self.key {
            Expanded::Short(key) => {
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
                key.open_in_place(nonce, Aad::from(aad), &mut out).map_err(|_| OpenError)?;
            }
            Expanded::Long(key) => {
                let (text, tag) = out.split_at_mut(len);
                let (nonce, tag) = (XNonce::from_slice(nonce), chacha20poly1305::Tag::from_slice(tag));
                key.decrypt_in_place_detached(nonce, aad, text, tag).map_err(|_| OpenError)?;
            }
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
