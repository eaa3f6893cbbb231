//! AES-256-GCM with a random nonce for every message: values of the barrier, envelopes, wrapped keys.
//!
//! Sealed form: nonce (12) ‖ ciphertext ‖ tag (16). Random nonces bound one key to about 2³² messages (NIST SP 800-38D,
//! 8.3); counting them is the caller's part.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::wiped::{Home, Wiped};
use crate::{Key32, Locked, LockedKey, OpenError, fill_random};

pub struct Aead(Home<LessSafeKey>);

impl Aead {
    pub const NONCE_LEN: usize = 12;
    pub const TAG_LEN: usize = 16;
    /// By how much a sealed message is longer than the plain one.
    pub const OVERHEAD: usize = Self::NONCE_LEN + Self::TAG_LEN;

    pub fn new(key: &Key32) -> Self {
        Self(Home::Heap(Wiped::new(expand(key.expose()))))
    }

    /// With the expanded key in locked memory too: one page per cipher.
    pub fn locked(key: &LockedKey) -> Self {
        Self(Home::Page(Locked::new(expand(key.expose()))))
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.seal_into(&mut out, aad, plain);
        out
    }

    /// Appends the sealed form to `out`.
    pub fn seal_into(&self, out: &mut Vec<u8>, aad: &[u8], plain: &[u8]) {
        let mut nonce = [0; Self::NONCE_LEN];
        fill_random(&mut nonce);
        self.seal_with_nonce(out, nonce, aad, plain);
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<{ Self::NONCE_LEN }>().ok_or(OpenError)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| OpenError)?;
        let len = plain.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    fn seal_with_nonce(&self, out: &mut Vec<u8>, nonce: [u8; Self::NONCE_LEN], aad: &[u8], plain: &[u8]) {
        // All the room at once: growing later would leave the plaintext behind in the old allocation.
        out.reserve_exact(plain.len() + Self::OVERHEAD);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[start..])
            // GCM's limit is 64 GiB a message, and every message here is bounded by an entry or a request.
            .expect("invariant: a message is far smaller than 64 GiB");
        out.extend_from_slice(tag.as_ref());
    }
}

fn expand(key: &[u8; 32]) -> LessSafeKey {
    // The only thing UnboundKey checks is the length.
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("invariant: an AES-256 key has 32 bytes"))
}

#[cfg(test)]
mod tests;
