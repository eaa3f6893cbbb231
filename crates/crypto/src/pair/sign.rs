//! Signatures.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

use super::{KeyKind, PrivateKey, PublicKey};
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
        if !fits(self.public.kind, scheme, input) {
            return Err(Unfit);
        }
        let sign = || {
            if scheme == Scheme::Ed25519 {
                return Signer::new_without_digest(&self.key)?.sign_oneshot_to_vec(input);
            }
            let mut context = PkeyCtx::new(&self.key)?;
            context.sign_init()?;
            set(&mut context, scheme)?;
            let mut out = Vec::new();
            context.sign_to_vec(input, &mut out)?;
            Ok::<_, ErrorStack>(out)
        };
        sign().map_err(|_| Unfit)
    }
}

impl PublicKey {
    #[must_use]
    pub fn verify(&self, scheme: Scheme, input: &[u8], signature: &[u8]) -> bool {
        if !fits(self.kind, scheme, input) {
            return false;
        }
        let verify = || {
            if scheme == Scheme::Ed25519 {
                return Verifier::new_without_digest(&self.key)?.verify_oneshot(signature, input);
            }
            let mut context = PkeyCtx::new(&self.key)?;
            context.verify_init()?;
            set(&mut context, scheme)?;
            context.verify(input, signature)
        };
        verify().is_ok_and(|right: bool| right)
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

fn set<T>(context: &mut PkeyCtxRef<T>, scheme: Scheme) -> Result<(), ErrorStack> {
    match scheme {
        Scheme::Ed25519 | Scheme::Ecdsa | Scheme::Pkcs1(None) => {}
        Scheme::Pss(hash, _) | Scheme::Pkcs1(Some(hash)) => {
            context.set_signature_md(hash.md().ok_or_else(ErrorStack::get)?)?;
        }
    }
    match scheme {
        Scheme::Ed25519 | Scheme::Ecdsa => Ok(()),
        Scheme::Pkcs1(_) => context.set_rsa_padding(Padding::PKCS1),
        Scheme::Pss(_, salt) => {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            context.set_rsa_pss_saltlen(match salt {
                // To the library the same number is "whatever it is" when it verifies.
                Salt::Auto => RsaPssSaltlen::MAXIMUM_LENGTH,
                Salt::Digest => RsaPssSaltlen::DIGEST_LENGTH,
                Salt::Bytes(bytes) => RsaPssSaltlen::custom(bytes.into()),
            })
        }
    }
}

pub(super) fn coordinate(kind: KeyKind) -> i32 {
    match kind {
        KeyKind::P256 => 32,
        KeyKind::P384 => 48,
        _ => 66,
    }
}

/// An ECDSA signature as JWS has it, two numbers of the curve's length, of the one that X.509 has. `None`: it is none.
pub fn fixed_of(kind: KeyKind, der: &[u8]) -> Option<Vec<u8>> {
    let signature = EcdsaSig::from_der(der).ok()?;
    let padded = |number: &openssl::bn::BigNumRef| number.to_vec_padded(coordinate(kind)).ok();
    Some([padded(signature.r())?, padded(signature.s())?].concat())
}

/// The way back, of two numbers of equal length.
pub fn der_of(fixed: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let signature = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
    signature.ok()?.to_der().ok()
}
