//! A version made ready to be used, and how a new one is made.

use crypto::{Cipher, PrivateKey, PublicKey, SecretBytes, fill_random, hkdf_sha256, hmac_sha256};
use sdk::{Failure, Millis, Result};
use zeroize::Zeroizing;

use crate::kind::Kind;
use crate::record::{Kdf, Key, Secret, Version};

pub enum Material {
    Bytes(SecretBytes),
    Pair(PrivateKey),
    Public(PublicKey),
}

pub struct Ready {
    pub material: Material,
    pub hmac: SecretBytes,
    /// Of a symmetric key that is used as it is.
    pub cipher: Option<Cipher>,
    /// Certificates in DER.
    pub chain: Vec<Secret>,
}

impl Ready {
    pub fn of(key: &Key, version: &Version) -> Result<Self> {
        let broken = |_| Failure::internal("a version of a key cannot be read");
        let material = match (key.kind.pair(), &version.secret, &version.public) {
            (None, Some(secret), _) => Material::Bytes(SecretBytes::from_slice(&secret.0)),
            (Some(_), Some(secret), _) => Material::Pair(PrivateKey::from_pkcs8(&secret.0).map_err(broken)?),
            (Some(_), None, Some(public)) => Material::Public(PublicKey::from_spki(&public.0).map_err(broken)?),
            _ => return Err(Failure::internal("a version of a key has no material")),
        };
        let cipher = match (key.kind.cipher(), &material) {
            (Some(kind), Material::Bytes(bytes)) if key.derived.is_none() => {
                Some(Cipher::new(kind, bytes.expose()).map_err(broken)?)
            }
            _ => None,
        };
        Ok(Self { material, hmac: SecretBytes::from_slice(&version.hmac.0), cipher, chain: version.chain.clone() })
    }

    pub fn public(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::Bytes(_) => None,
            Material::Pair(pair) => Some(pair.public()),
            Material::Public(public) => Some(public),
        }
    }

    pub fn private(&self) -> Option<&PrivateKey> {
        if let Material::Pair(pair) = &self.material { Some(pair) } else { None }
    }

    /// The key that `context` stands for.
    pub fn derive(&self, kdf: Kdf, context: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
        if context.is_empty() {
            return Err(Failure::invalid(
                "missing 'context' for key derivation; the key was created using a derived key, which means additional, \
                 per-request information must be included in order to perform operations with the key",
            ));
        }
        let base = match &self.material {
            Material::Bytes(bytes) => Zeroizing::new(bytes.expose().to_vec()),
            Material::Pair(pair) => ed25519_64(pair).ok_or_else(|| Failure::internal("a key that cannot derive"))?,
            Material::Public(_) => return Err(Failure::invalid("the key version has no private part to derive from")),
        };
        let mut out = Zeroizing::new(vec![0; len]);
        match kdf {
            Kdf::Hkdf => hkdf_sha256(&[], &base, &[context], &mut out).map_err(Failure::internal)?,
            Kdf::HmacCounter => {
                let message = [&[0; 4][..], context, &256_u32.to_be_bytes()[..]].concat();
                let made = Zeroizing::new(hmac_sha256(&base, &message));
                let whole = made.get(..len).ok_or_else(|| Failure::invalid("the key derives too little for this"))?;
                out.copy_from_slice(whole);
            }
        }
        Ok(out)
    }
}

/// Seed and public half, the form that clients and derivation know.
pub fn ed25519_64(pair: &PrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    let (seed, public) = (pair.ed25519_seed()?, pair.public().ed25519()?);
    Some(Zeroizing::new([seed.expose(), &public[..]].concat()))
}

/// Takes long for RSA.
pub fn generate(kind: Kind, size: Option<u64>, now: Millis) -> Result<Version> {
    if let Some(pair) = kind.pair() {
        return Ok(of_pair(&PrivateKey::generate(pair).map_err(Failure::internal)?, now));
    }
    let len = kind.cipher().map_or(usize::try_from(size.unwrap_or(32)).unwrap_or(32), |cipher| cipher.key_len());
    let mut bytes = Zeroizing::new(vec![0; len]);
    fill_random(&mut bytes);
    Ok(of_bytes(kind, bytes, now))
}

pub fn of_pair(pair: &PrivateKey, now: Millis) -> Version {
    let public = Secret(Zeroizing::new(pair.public().spki().to_vec()));
    Version {
        created: now,
        secret: Some(Secret(pair.pkcs8())),
        public: Some(public),
        hmac: hmac_key(),
        chain: Vec::new(),
    }
}

pub fn of_public(public: &PublicKey, now: Millis) -> Version {
    Version {
        created: now,
        secret: None,
        public: Some(Secret(Zeroizing::new(public.spki().to_vec()))),
        hmac: hmac_key(),
        chain: Vec::new(),
    }
}

pub fn of_bytes(kind: Kind, bytes: Zeroizing<Vec<u8>>, now: Millis) -> Version {
    let hmac = if kind == Kind::Hmac { Secret(bytes.clone()) } else { hmac_key() };
    Version { created: now, secret: Some(Secret(bytes)), public: None, hmac, chain: Vec::new() }
}

fn hmac_key() -> Secret {
    let mut bytes = Zeroizing::new(vec![0; 32]);
    fill_random(&mut bytes);
    Secret(bytes)
}
