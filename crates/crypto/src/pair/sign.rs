//! Signatures.

use std::ptr;

use aws_lc_sys as sys;

use super::{KeyKind, PrivateKey, PublicKey};
use crate::handle::{Owned, take, went_well};
use crate::{Hash, Unfit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Salt {
    /// As long as can be; in a signature to be verified, whatever it is.
    Auto,
    /// As long as the digest.
    Digest,
    Bytes(u16),
}

/// How what is signed becomes a signature. Of all but Ed25519 the input is a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Ed25519,
    Ecdsa,
    Pss(Hash, Salt),
    /// PKCS #1 v1.5; without a hash, the input alone is padded.
    Pkcs1(Option<Hash>),
}

impl PrivateKey {
    pub fn sign(&self, scheme: Scheme, input: &[u8]) -> Result<Vec<u8>, Unfit> {
        if !fits(self.0.kind, scheme, input) {
            return Err(Unfit);
        }
        let key = self.0.key.get();
        let mut len = 64;
        if scheme == Scheme::Ed25519 {
            let mut out = vec![0; len];
            let context = digest_context().ok_or(Unfit)?;
            // SAFETY: 64 bytes hold a signature; no hash goes before.
            let done = unsafe {
                let (none, nobody) = (ptr::null_mut(), ptr::null_mut());
                went_well(sys::EVP_DigestSignInit(context.get(), none, ptr::null(), nobody, key))
                    && went_well(sys::EVP_DigestSign(
                        context.get(),
                        out.as_mut_ptr(),
                        &mut len,
                        input.as_ptr(),
                        input.len(),
                    ))
            };
            return done.then_some(out).ok_or(Unfit);
        }
        let context = self.0.context().ok_or(Unfit)?;
        // SAFETY: `out` is as long as the key says a signature can be.
        unsafe {
            len = usize::try_from(sys::EVP_PKEY_size(key)).map_err(|_| Unfit)?;
            let mut out = vec![0; len];
            let done = went_well(sys::EVP_PKEY_sign_init(context.get()))
                && set(&context, scheme)
                && went_well(sys::EVP_PKEY_sign(
                    context.get(),
                    out.as_mut_ptr(),
                    &mut len,
                    input.as_ptr(),
                    input.len(),
                ));
            out.truncate(len);
            done.then_some(out).ok_or(Unfit)
        }
    }
}

impl PublicKey {
    #[must_use]
    pub fn verify(&self, scheme: Scheme, input: &[u8], signature: &[u8]) -> bool {
        if !fits(self.kind, scheme, input) {
            return false;
        }
        let key = self.key.get();
        if scheme == Scheme::Ed25519 {
            let Some(context) = digest_context() else { return false };
            // SAFETY: lengths are given.
            return unsafe {
                let (none, nobody) = (ptr::null_mut(), ptr::null_mut());
                let (sig, sig_len) = (signature.as_ptr(), signature.len());
                went_well(sys::EVP_DigestVerifyInit(context.get(), none, ptr::null(), nobody, key))
                    && went_well(sys::EVP_DigestVerify(context.get(), sig, sig_len, input.as_ptr(), input.len()))
            };
        }
        let Some(context) = self.context() else { return false };
        // SAFETY: lengths are given.
        unsafe {
            let (sig, sig_len) = (signature.as_ptr(), signature.len());
            went_well(sys::EVP_PKEY_verify_init(context.get()))
                && set(&context, scheme)
                && went_well(sys::EVP_PKEY_verify(context.get(), sig, sig_len, input.as_ptr(), input.len()))
        }
    }
}

fn fits(kind: KeyKind, scheme: Scheme, input: &[u8]) -> bool {
    match (kind, scheme) {
        (KeyKind::Ed25519, Scheme::Ed25519) => true,
        (KeyKind::P256 | KeyKind::P384 | KeyKind::P521, Scheme::Ecdsa) => true,
        (KeyKind::Rsa(_), Scheme::Pss(hash, _) | Scheme::Pkcs1(Some(hash))) => input.len() == hash.size(),
        (KeyKind::Rsa(_), Scheme::Pkcs1(None)) => true,
        _ => false,
    }
}

fn digest_context() -> Option<Owned<sys::EVP_MD_CTX>> {
    // SAFETY: made here, freed there.
    unsafe { Owned::new(sys::EVP_MD_CTX_new(), sys::EVP_MD_CTX_free) }
}

/// # Safety
/// The context was made ready to sign or verify.
unsafe fn set(context: &Owned<sys::EVP_PKEY_CTX>, scheme: Scheme) -> bool {
    let context = context.get();
    // SAFETY: the caller's promise.
    unsafe {
        let padded = |padding| went_well(sys::EVP_PKEY_CTX_set_rsa_padding(context, padding));
        let hashed = |hash: Hash| went_well(sys::EVP_PKEY_CTX_set_signature_md(context, hash.md()));
        match scheme {
            Scheme::Ed25519 | Scheme::Ecdsa => true,
            Scheme::Pkcs1(hash) => padded(sys::RSA_PKCS1_PADDING) && hash.is_none_or(hashed),
            Scheme::Pss(hash, salt) => {
                let salt = match salt {
                    Salt::Auto => sys::RSA_PSS_SALTLEN_AUTO,
                    Salt::Digest => sys::RSA_PSS_SALTLEN_DIGEST,
                    Salt::Bytes(bytes) => i32::from(bytes),
                };
                padded(sys::RSA_PKCS1_PSS_PADDING)
                    && hashed(hash)
                    && went_well(sys::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt))
            }
        }
    }
}

fn coordinate(kind: KeyKind) -> usize {
    match kind {
        KeyKind::P256 => 32,
        KeyKind::P384 => 48,
        _ => 66,
    }
}

type Signature = Owned<sys::ECDSA_SIG>;

/// An ECDSA signature as JWS has it, two numbers of the curve's length, of the one that X.509 has. `None`: it is none.
pub fn fixed_of(kind: KeyKind, der: &[u8]) -> Option<Vec<u8>> {
    let size = coordinate(kind);
    let mut out = vec![0; 2 * size];
    // SAFETY: the numbers belong to the signature, which lives until the end; each has its half of `out`.
    unsafe {
        let signature: Option<Signature> =
            Owned::new(sys::ECDSA_SIG_from_bytes(der.as_ptr(), der.len()), sys::ECDSA_SIG_free);
        if signature.is_none() {
            went_well(0);
        }
        let signature = signature?;
        let (mut r, mut s) = (ptr::null(), ptr::null());
        sys::ECDSA_SIG_get0(signature.get(), &mut r, &mut s);
        let done = went_well(sys::BN_bn2bin_padded(out.as_mut_ptr(), size, r))
            && went_well(sys::BN_bn2bin_padded(out.as_mut_ptr().add(size), size, s));
        done.then_some(out)
    }
}

/// The way back, of two numbers of equal length.
pub fn der_of(fixed: &[u8]) -> Option<Vec<u8>> {
    let (first, second) = fixed.split_at(fixed.len() / 2);
    // SAFETY: once set, the numbers belong to the signature.
    unsafe {
        let signature: Signature = Owned::new(sys::ECDSA_SIG_new(), sys::ECDSA_SIG_free)?;
        let r = sys::BN_bin2bn(first.as_ptr(), first.len(), ptr::null_mut());
        let s = sys::BN_bin2bn(second.as_ptr(), second.len(), ptr::null_mut());
        if r.is_null() || s.is_null() || sys::ECDSA_SIG_set0(signature.get(), r, s) != 1 {
            sys::BN_free(r);
            sys::BN_free(s);
            return None;
        }
        let (mut at, mut len) = (ptr::null_mut(), 0);
        went_well(sys::ECDSA_SIG_to_bytes(&mut at, &mut len, signature.get())).then(|| take(at, len).to_vec())
    }
}
