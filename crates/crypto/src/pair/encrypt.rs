//! RSA-OAEP, and the secret that two keys of a curve agree on.

use std::ptr;

use aws_lc_sys as sys;
use zeroize::Zeroizing;

use super::{KeyKind, PrivateKey, PublicKey};
use crate::handle::{Owned, went_well};
use crate::{Hash, OpenError, SecretBytes, Unfit};

type Context = Owned<sys::EVP_PKEY_CTX>;

impl PublicKey {
    /// The label is empty, the mask's hash the same.
    pub fn encrypt_oaep(&self, hash: Hash, plain: &[u8]) -> Result<Vec<u8>, Unfit> {
        let context = self.context().ok_or(Unfit)?;
        // SAFETY: `out` is as long as the key says a ciphertext is.
        unsafe {
            let mut len = usize::try_from(sys::EVP_PKEY_size(self.key.get())).map_err(|_| Unfit)?;
            let mut out = vec![0; len];
            let done = went_well(sys::EVP_PKEY_encrypt_init(context.get()))
                && oaep(&context, hash)
                && went_well(sys::EVP_PKEY_encrypt(
                    context.get(),
                    out.as_mut_ptr(),
                    &mut len,
                    plain.as_ptr(),
                    plain.len(),
                ));
            out.truncate(len);
            done.then_some(out).ok_or(Unfit)
        }
    }

    pub(super) fn context(&self) -> Option<Context> {
        // SAFETY: the context holds a count of the key.
        unsafe { Owned::new(sys::EVP_PKEY_CTX_new(self.key.get(), ptr::null_mut()), sys::EVP_PKEY_CTX_free) }
    }
}

impl PrivateKey {
    pub fn decrypt_oaep(&self, hash: Hash, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let context = self.0.context().ok_or(OpenError)?;
        // SAFETY: no plaintext is longer than a ciphertext of this key.
        unsafe {
            let mut len = usize::try_from(sys::EVP_PKEY_size(self.0.key.get())).map_err(|_| OpenError)?;
            let mut out = Zeroizing::new(vec![0; len]);
            let done = went_well(sys::EVP_PKEY_decrypt_init(context.get()))
                && oaep(&context, hash)
                && went_well(sys::EVP_PKEY_decrypt(
                    context.get(),
                    out.as_mut_ptr(),
                    &mut len,
                    text.as_ptr(),
                    text.len(),
                ));
            out.truncate(len);
            done.then_some(out).ok_or(OpenError)
        }
    }

    /// ECDH: the x coordinate of the common point.
    pub fn agree(&self, theirs: &PublicKey) -> Result<SecretBytes, Unfit> {
        if theirs.kind != self.0.kind || matches!(theirs.kind, KeyKind::Rsa(_) | KeyKind::Ed25519) {
            return Err(Unfit);
        }
        let context = self.0.context().ok_or(Unfit)?;
        let (mut out, mut len) = (Zeroizing::new(vec![0; 66]), 66);
        // SAFETY: 66 bytes hold a coordinate of the largest curve.
        let done = unsafe {
            went_well(sys::EVP_PKEY_derive_init(context.get()))
                && went_well(sys::EVP_PKEY_derive_set_peer(context.get(), theirs.key.get()))
                && went_well(sys::EVP_PKEY_derive(context.get(), out.as_mut_ptr(), &mut len))
        };
        out.truncate(len);
        done.then(|| SecretBytes::from(out)).ok_or(Unfit)
    }
}

/// # Safety
/// The context was made ready to encrypt or decrypt.
unsafe fn oaep(context: &Context, hash: Hash) -> bool {
    // SAFETY: the caller's promise; a key of another kind is refused there.
    unsafe {
        went_well(sys::EVP_PKEY_CTX_set_rsa_padding(context.get(), sys::RSA_PKCS1_OAEP_PADDING))
            && went_well(sys::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash.md()))
    }
}
