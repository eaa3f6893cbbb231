//! Key pairs of RSA, of the NIST curves and of Ed25519, as `SubjectPublicKeyInfo` and PKCS #8.
//!
//! AWS-LC does the work, below its safe layer: that has neither salts of a chosen length, nor digests made elsewhere, nor
//! SHA-1 and SHA-3 in signatures. The library wipes private keys when it frees them.

#![allow(unsafe_code)] // Calls of the C library.

mod encrypt;
mod sign;
#[cfg(test)]
mod tests;

use std::ptr;

use aws_lc_sys as sys;
use zeroize::Zeroizing;

pub use sign::{Salt, Scheme, der_of, fixed_of};

use crate::handle::{Owned, take, went_well};
use crate::{InvalidKey, SecretBytes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// With a modulus of so many bits.
    Rsa(u32),
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeyKind {
    fn curve(self) -> Option<i32> {
        match self {
            Self::P256 => Some(sys::NID_X9_62_prime256v1),
            Self::P384 => Some(sys::NID_secp384r1),
            Self::P521 => Some(sys::NID_secp521r1),
            Self::Rsa(_) | Self::Ed25519 => None,
        }
    }
}

/// The public half of a pair.
pub struct PublicKey {
    key: Owned<sys::EVP_PKEY>,
    kind: KeyKind,
}

/// Both halves.
pub struct PrivateKey(PublicKey);

impl PublicKey {
    fn new(key: Owned<sys::EVP_PKEY>) -> Result<Self, InvalidKey> {
        // SAFETY: the key is alive; its curve is asked for where it has one.
        let kind = unsafe {
            match sys::EVP_PKEY_id(key.get()) {
                sys::EVP_PKEY_RSA => KeyKind::Rsa(u32::try_from(sys::EVP_PKEY_bits(key.get())).unwrap_or(0)),
                sys::EVP_PKEY_ED25519 => KeyKind::Ed25519,
                sys::EVP_PKEY_EC => {
                    let group = sys::EC_KEY_get0_group(sys::EVP_PKEY_get0_EC_KEY(key.get()));
                    let curve = sys::EC_GROUP_get_curve_name(group);
                    let known = [KeyKind::P256, KeyKind::P384, KeyKind::P521];
                    known.into_iter().find(|kind| kind.curve() == Some(curve)).ok_or(InvalidKey)?
                }
                _ => return Err(InvalidKey),
            }
        };
        Ok(Self { key, kind })
    }

    pub fn from_spki(der: &[u8]) -> Result<Self, InvalidKey> {
        // SAFETY: a CBS is two words, and points to bytes that outlive it.
        let (key, rest) = unsafe {
            let mut input = std::mem::zeroed();
            sys::CBS_init(&mut input, der.as_ptr(), der.len());
            let key = Owned::new(sys::EVP_parse_public_key(&mut input), sys::EVP_PKEY_free);
            (key, input.len)
        };
        if key.is_none() {
            went_well(0);
        }
        Self::new(key.filter(|_| rest == 0).ok_or(InvalidKey)?)
    }

    pub fn spki(&self) -> Vec<u8> {
        // SAFETY: the builder is given a key that is alive.
        let der = marshalled(|out| unsafe { sys::EVP_marshal_public_key(out, self.key.get()) });
        der.expect("invariant: a public key that was read or made can be written").to_vec()
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of an Ed25519 key.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        let (mut out, mut len) = ([0; 32], 32);
        // SAFETY: `out` has the length that `len` says.
        let done = unsafe { sys::EVP_PKEY_get_raw_public_key(self.key.get(), out.as_mut_ptr(), &mut len) };
        (self.kind == KeyKind::Ed25519 && went_well(done)).then_some(out)
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.spki() == other.spki()
    }
}

impl PrivateKey {
    /// Takes long for RSA.
    pub fn generate(kind: KeyKind) -> Result<Self, InvalidKey> {
        if kind == KeyKind::Ed25519 {
            return Self::from_ed25519_seed(SecretBytes::random(32).expose());
        }
        let id = if kind.curve().is_some() { sys::EVP_PKEY_EC } else { sys::EVP_PKEY_RSA };
        let mut made = ptr::null_mut();
        // SAFETY: the context lives until the end; what is made is ours.
        let made = unsafe {
            let context = sys::EVP_PKEY_CTX_new_id(id, ptr::null_mut());
            let context = Owned::new(context, sys::EVP_PKEY_CTX_free).ok_or(InvalidKey)?;
            let set = |context| match (kind.curve(), kind) {
                (Some(curve), _) => sys::EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, curve),
                (None, KeyKind::Rsa(bits)) => {
                    sys::EVP_PKEY_CTX_set_rsa_keygen_bits(context, i32::try_from(bits).unwrap_or(0))
                }
                (None, _) => 0,
            };
            let done = went_well(sys::EVP_PKEY_keygen_init(context.get()))
                && went_well(set(context.get()))
                && went_well(sys::EVP_PKEY_keygen(context.get(), &mut made));
            Owned::new(made, sys::EVP_PKEY_free).filter(|_| done)
        };
        PublicKey::new(made.ok_or(InvalidKey)?).map(Self)
    }

    pub fn from_ed25519_seed(seed: &[u8]) -> Result<Self, InvalidKey> {
        // SAFETY: the length is given and checked there.
        let key = unsafe {
            let made = sys::EVP_PKEY_new_raw_private_key(
                sys::EVP_PKEY_ED25519,
                ptr::null_mut(),
                seed.as_ptr(),
                seed.len(),
            );
            Owned::new(made, sys::EVP_PKEY_free)
        };
        if key.is_none() {
            went_well(0);
        }
        PublicKey::new(key.ok_or(InvalidKey)?).map(Self)
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        // SAFETY: as for public keys.
        let (key, rest) = unsafe {
            let mut input = std::mem::zeroed();
            sys::CBS_init(&mut input, der.as_ptr(), der.len());
            let key = Owned::new(sys::EVP_parse_private_key(&mut input), sys::EVP_PKEY_free);
            (key, input.len)
        };
        if key.is_none() {
            went_well(0);
        }
        PublicKey::new(key.filter(|_| rest == 0).ok_or(InvalidKey)?).map(Self)
    }

    pub fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // SAFETY: the builder is given a key that is alive.
        let der = marshalled(|out| unsafe { sys::EVP_marshal_private_key(out, self.0.key.get()) });
        der.expect("invariant: a private key that was read or made can be written")
    }

    /// PKCS #1 for RSA, SEC 1 for a curve; Ed25519 has no older form.
    pub fn older_form(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.0.key.get();
        match self.0.kind {
            KeyKind::Ed25519 => None,
            KeyKind::Rsa(_) => {
                let (mut at, mut len) = (ptr::null_mut(), 0);
                // SAFETY: the key is of RSA; what is allocated is taken.
                unsafe {
                    let done = sys::RSA_private_key_to_bytes(&mut at, &mut len, sys::EVP_PKEY_get0_RSA(key));
                    went_well(done).then(|| take(at, len))
                }
            }
            // SAFETY: the key is of a curve. Nothing is left out of its form.
            _ => marshalled(|out| unsafe {
                sys::EC_KEY_marshal_private_key(out, sys::EVP_PKEY_get0_EC_KEY(key), 0)
            }),
        }
    }

    /// The 32 bytes that an Ed25519 key is made of.
    pub fn ed25519_seed(&self) -> Option<SecretBytes> {
        let (mut out, mut len) = (Zeroizing::new(vec![0; 32]), 32);
        // SAFETY: `out` has the length that `len` says.
        let done = unsafe { sys::EVP_PKEY_get_raw_private_key(self.0.key.get(), out.as_mut_ptr(), &mut len) };
        (self.0.kind == KeyKind::Ed25519 && went_well(done)).then(|| SecretBytes::from(out))
    }

    pub fn public(&self) -> &PublicKey {
        &self.0
    }
}

/// What the library writes into a builder.
fn marshalled(write: impl FnOnce(*mut sys::CBB) -> i32) -> Option<Zeroizing<Vec<u8>>> {
    // SAFETY: the builder is initialised before it is used, and finished or cleaned up after.
    unsafe {
        let mut builder = std::mem::zeroed();
        if sys::CBB_init(&mut builder, 256) != 1 {
            return None;
        }
        let (mut at, mut len) = (ptr::null_mut(), 0);
        if !went_well(write(&mut builder)) || !went_well(sys::CBB_finish(&mut builder, &mut at, &mut len)) {
            sys::CBB_cleanup(&mut builder);
            return None;
        }
        Some(take(at, len))
    }
}
