//! Encrypting to an OpenPGP public key, and nothing else: key shares and root tokens that only their holder shall read.
//!
//! A message is binary, with the integrity protection (SEIPD version 1) that every OpenPGP program since 2003 reads. There
//! is no signing, no decrypting and no secret key here. Keys are taken as they come: who they belong to is the operator's
//! to know, so user ids and their certifications are not judged. What is judged is what the key says of itself: that it
//! may encrypt, that it was not revoked and has not expired.

use std::time::SystemTime;

use base64::prelude::{BASE64_STANDARD, Engine};
use pgp::composed::{Deserializable, MessageBuilder, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{EncryptionKey, KeyDetails};
use rand_core::OsRng;

/// The longest key, in bytes before base64. Those with hundreds of certifications are smaller.
pub const KEY_MAX: usize = 256 * 1024;

/// A certificate with at least one key to encrypt to.
#[derive(Clone)]
pub struct PublicKey {
    certificate: SignedPublicKey,
    use_subkey: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("error decoding given PGP key: it must be base64 of an OpenPGP public key: {0}")]
    NotBase64(base64::DecodeError),
    #[error("error parsing given PGP key: {0}")]
    Malformed(String),
    #[error("error parsing given PGP key: it is longer than {KEY_MAX} bytes")]
    TooLong,
    #[error(
        "the PGP key {0} cannot be encrypted to: it and its subkeys are revoked, expired, or made for other purposes"
    )]
    CannotEncrypt(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encrypting to the PGP key {fingerprint} failed: {problem}")]
pub struct EncryptError {
    fingerprint: String,
    problem: String,
}

impl PublicKey {
    /// From base64 of a key, which may be armoured inside.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.len() / 4 * 3 > KEY_MAX {
            return Err(KeyError::TooLong);
        }
        let bytes = BASE64_STANDARD.decode(text).map_err(KeyError::NotBase64)?;
        let parsed = if bytes.starts_with(b"-----BEGIN PGP") {
            SignedPublicKey::from_armor_single(bytes.as_slice()).map(|(key, _)| key)
        } else {
            SignedPublicKey::from_bytes(bytes.as_slice())
        };
        let certificate = parsed.map_err(|e| KeyError::Malformed(e.to_string()))?;
        let use_subkey = choose(&certificate, SystemTime::now())
            .ok_or_else(|| KeyError::CannotEncrypt(hex::encode(certificate.fingerprint().as_bytes())))?;
        Ok(Self { certificate, use_subkey })
    }

    /// Of the primary key, in lower case.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.certificate.fingerprint().as_bytes())
    }

    /// A binary OpenPGP message that the key's holder can read.
    pub fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, EncryptError> {
        let done = match self.use_subkey {
            Some(at) => encrypt_to(&self.certificate.public_subkeys[at], plain),
            None => encrypt_to(&self.certificate.primary_key, plain),
        };
        done.map_err(|e| EncryptError { fingerprint: self.fingerprint(), problem: e.to_string() })
    }
}

fn encrypt_to(key: &impl EncryptionKey, plain: &[u8]) -> pgp::errors::Result<Vec<u8>> {
    let mut message = MessageBuilder::from_bytes("", plain.to_vec()).seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
    message.encrypt_to_key(OsRng, key)?;
    message.to_vec(OsRng)
}

/// The newest subkey that may encrypt, or else the primary key (`Some(None)`), or none.
fn choose(key: &SignedPublicKey, now: SystemTime) -> Option<Option<usize>> {
    let details = &key.details;
    if details.revocation_signatures.iter().any(|s| s.verify_key(&key.primary_key).is_ok()) {
        return None;
    }
    let own: Vec<&Signature> =
        details.users.iter().flat_map(|user| &user.signatures).chain(&details.direct_signatures).collect();
    let own: Vec<&Signature> = own.into_iter().filter(|s| is_by(s, key)).collect();
    let primary = newest(own.iter().copied());
    if primary.is_some_and(|s| is_over(s, &key.primary_key, now)) {
        return None;
    }
    let usable = |sub: &SignedPublicSubKey| {
        let revoked = sub.signatures.iter().any(|s| s.typ() == Some(SignatureType::SubkeyRevocation));
        let binding = newest(sub.signatures.iter().filter(|s| s.typ() == Some(SignatureType::SubkeyBinding)));
        let binding = binding.filter(|s| may_encrypt(s) && !is_over(s, &sub.key, now));
        !revoked
            && sub.key.algorithm().can_encrypt()
            && binding.is_some()
            && sub.verify_bindings(&key.primary_key).is_ok()
    };
    let subkeys = key.public_subkeys.iter().enumerate().filter(|(_, sub)| usable(sub));
    if let Some((at, _)) = subkeys.max_by_key(|(_, sub)| sub.key.created_at().as_secs()) {
        return Some(Some(at));
    }
    let primary_may = primary.is_none_or(|s| !has_flags(s) || may_encrypt(s));
    (primary_may && key.primary_key.algorithm().can_encrypt()).then_some(None)
}

fn is_by(signature: &Signature, key: &SignedPublicKey) -> bool {
    let (id, fingerprint) = (key.primary_key.legacy_key_id(), key.primary_key.fingerprint());
    signature.issuer_key_id().into_iter().any(|issuer| *issuer == id)
        || signature.issuer_fingerprint().into_iter().any(|issuer| *issuer == fingerprint)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|s| s.created().map(|at| at.as_secs()))
}

fn has_flags(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    may_encrypt(signature) || flags.certify() || flags.sign() || flags.authentication()
}

fn may_encrypt(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    flags.encrypt_comms() || flags.encrypt_storage()
}

/// Whether the key's life, counted from when it was made, has ended.
fn is_over(signature: &Signature, key: &impl KeyDetails, now: SystemTime) -> bool {
    let lasts = signature.key_expiration_time().map_or(0, |life| life.as_secs());
    let ends = SystemTime::from(key.created_at()) + std::time::Duration::from_secs(lasts.into());
    lasts > 0 && ends <= now
}

#[cfg(test)]
mod tests;
