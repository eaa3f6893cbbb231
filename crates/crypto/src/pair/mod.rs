//! Key pairs of RSA, of the NIST curves and of Ed25519, as `SubjectPublicKeyInfo` and PKCS #8.

mod encrypt;
mod sign;
#[cfg(test)]
mod tests;

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

pub use sign::{Salt, Scheme, der_of, fixed_of};

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

const CURVES: [(KeyKind, Nid); 3] =
    [(KeyKind::P256, Nid::X9_62_PRIME256V1), (KeyKind::P384, Nid::SECP384R1), (KeyKind::P521, Nid::SECP521R1)];

/// The public half of a pair.
pub struct PublicKey {
    key: PKey<Public>,
    kind: KeyKind,
    spki: Vec<u8>,
}

/// What a public key is made of: big-endian numbers, those of a curve as long as its field.
pub enum Numbers {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Curve { x: Vec<u8>, y: Vec<u8> },
    Ed25519([u8; 32]),
}

/// Both halves. The library wipes the private one when it frees it.
pub struct PrivateKey {
    key: PKey<Private>,
    public: PublicKey,
}

impl PublicKey {
    pub fn from_spki(der: &[u8]) -> Result<Self, InvalidKey> {
        let key = PKey::public_key_from_der(der).map_err(invalid)?;
        let spki = key.public_key_to_der().map_err(invalid)?;
        Ok(Self { kind: kind_of(&key)?, key, spki })
    }

    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    pub fn numbers(&self) -> Option<Numbers> {
        if let Ok(key) = self.key.rsa() {
            return Some(Numbers::Rsa { modulus: key.n().to_vec(), exponent: key.e().to_vec() });
        }
        let Ok(key) = self.key.ec_key() else { return self.ed25519().map(Numbers::Ed25519) };
        let (mut x, mut y) = (BigNum::new().ok()?, BigNum::new().ok()?);
        let mut context = BigNumContext::new().ok()?;
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).ok()?;
        let length = sign::coordinate(self.kind);
        Some(Numbers::Curve { x: x.to_vec_padded(length).ok()?, y: y.to_vec_padded(length).ok()? })
    }

    /// The 32 bytes of an Ed25519 key.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        if self.kind != KeyKind::Ed25519 {
            return None;
        }
        self.key.raw_public_key().ok()?.try_into().ok()
    }
}

impl PrivateKey {
    /// Takes long for RSA.
    pub fn generate(kind: KeyKind) -> Result<Self, InvalidKey> {
        let key = match (kind, curve(kind)) {
            (KeyKind::Rsa(bits), _) => Rsa::generate(bits).and_then(PKey::from_rsa),
            (_, Some(curve)) => {
                let group = EcGroup::from_curve_name(curve).map_err(invalid)?;
                EcKey::generate(&group).and_then(PKey::from_ec_key)
            }
            _ => PKey::generate_ed25519(),
        };
        Self::new(key)
    }

    pub fn from_ed25519_seed(seed: &[u8]) -> Result<Self, InvalidKey> {
        Self::new(PKey::private_key_from_raw_bytes(seed, Id::ED25519))
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        Self::new(PKey::private_key_from_pkcs8(der))
    }

    fn new(key: Result<PKey<Private>, ErrorStack>) -> Result<Self, InvalidKey> {
        let key = key.map_err(invalid)?;
        let public = PublicKey::from_spki(&key.public_key_to_der().map_err(invalid)?)?;
        Ok(Self { key, public })
    }

    pub fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.private_key_to_pkcs8().expect(WRITTEN))
    }

    /// PKCS #1 for RSA, SEC 1 for a curve; Ed25519 has no older form.
    pub fn older_form(&self) -> Option<Zeroizing<Vec<u8>>> {
        let der = match self.public.kind {
            KeyKind::Ed25519 => return None,
            KeyKind::Rsa(_) => self.key.rsa().and_then(|key| key.private_key_to_der()),
            _ => self.key.ec_key().and_then(|key| key.private_key_to_der()),
        };
        Some(Zeroizing::new(der.expect(WRITTEN)))
    }

    /// The 32 bytes that an Ed25519 key is made of.
    pub fn ed25519_seed(&self) -> Option<SecretBytes> {
        if self.public.kind != KeyKind::Ed25519 {
            return None;
        }
        self.key.raw_private_key().ok().map(SecretBytes::from)
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

fn curve(kind: KeyKind) -> Option<Nid> {
    CURVES.iter().find(|(known, _)| *known == kind).map(|(_, curve)| *curve)
}

fn kind_of(key: &PKeyRef<Public>) -> Result<KeyKind, InvalidKey> {
    match key.id() {
        Id::RSA => Ok(KeyKind::Rsa(key.bits())),
        Id::ED25519 => Ok(KeyKind::Ed25519),
        Id::EC => {
            let curve = key.ec_key().map_err(invalid)?.group().curve_name();
            let known = CURVES.iter().find(|(_, known)| Some(*known) == curve);
            known.map(|(kind, _)| *kind).ok_or(InvalidKey)
        }
        _ => Err(InvalidKey),
    }
}

/// What the library says of a key is for its own developers.
fn invalid(_: ErrorStack) -> InvalidKey {
    InvalidKey
}

const WRITTEN: &str = "invariant: a key that was read or made can be written";
