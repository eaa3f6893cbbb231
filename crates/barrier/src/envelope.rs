//! Envelopes: messages between nodes that a node without the keyring only carries, such as a forwarded request.
//!
//! Every message gets a key of its own, derived from 16 random bytes: the envelope key does not rotate, and a busy
//! cluster would pass the 2³² messages that one GCM key may seal within days.
//!
//! Form: format (1) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16).

use crypto::{Aead, Key32};
use storage::SealError;
use zeroize::Zeroizing;

use crate::Barrier;
use crate::unsealed::Unsealed;

impl Barrier {
    /// Seals `bytes` for other unsealed nodes. `label` says what for (a direction), `aad` which one (a request's id):
    /// with any other of either, it does not open.
    pub fn seal_message(&self, label: &'static str, aad: &[u8], bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        self.with(|u| {
            let salt = crypto::random::<SALT_LEN>();
            let mut out = Vec::with_capacity(1 + SALT_LEN + bytes.len() + Aead::OVERHEAD);
            out.push(FORMAT);
            out.extend_from_slice(&salt);
            message_cipher(u, &salt).seal_into(&mut out, &bound(label, aad), bytes);
            out
        })
    }

    pub fn open_message(
        &self,
        label: &'static str,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.with(|u| {
            let corrupt = |why: &str| SealError::Corrupt(format!("a message between nodes {why}"));
            let (format, rest) = sealed.split_first().ok_or_else(|| corrupt("is empty"))?;
            if *format != FORMAT {
                return Err(corrupt("has a format that this version does not know"));
            }
            let (salt, rest) = rest.split_first_chunk::<SALT_LEN>().ok_or_else(|| corrupt("is cut short"))?;
            let opened = message_cipher(u, salt).open(&bound(label, aad), rest);
            opened.map_err(|_| corrupt("was altered, or belongs to another request"))
        })?
    }
}

fn message_cipher(unsealed: &Unsealed, salt: &[u8; SALT_LEN]) -> Aead {
    let key = Zeroizing::new(unsealed.envelopes.mac(salt));
    // A MAC of SHA-256 has the 32 bytes of a key.
    Aead::new(&Key32::from_slice(key.as_slice()).expect("invariant: HMAC-SHA256 gives 32 bytes"))
}

fn bound(label: &'static str, aad: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + 8 + label.len() + aad.len());
    out.push(FORMAT);
    out.extend_from_slice(&(label.len() as u64).to_be_bytes());
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(aad);
    out
}

const FORMAT: u8 = 1;
const SALT_LEN: usize = 16;
