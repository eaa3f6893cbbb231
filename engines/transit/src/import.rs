//! Keys that were made elsewhere.

use crypto::{KeyKind, PrivateKey, PublicKey};
use sdk::{Failure, Millis, Result};
use zeroize::Zeroizing;

use crate::form;
use crate::kind::Kind;
use crate::material;
use crate::record::Version;

/// In bytes.
pub const HMAC_SIZES: std::ops::RangeInclusive<usize> = 32..=512;

/// Whether a key of this kind may have so many bytes.
pub fn has_size(kind: Kind, bytes: usize) -> bool {
    kind.cipher().map_or(HMAC_SIZES.contains(&bytes), |cipher| cipher.key_len() == bytes)
}

pub fn private(kind: Kind, bytes: Zeroizing<Vec<u8>>, now: Millis) -> Result<Version> {
    let Some(pair) = kind.pair() else {
        if !has_size(kind, bytes.len()) {
            let text = format!("invalid key size {} bytes for key type {}", bytes.len(), kind.name());
            return Err(Failure::invalid(format!("error importing key: {text}")));
        }
        return Ok(material::of_bytes(kind, bytes, now));
    };
    let parsed = PrivateKey::from_pkcs8(&bytes);
    let parsed = parsed.map_err(|_| Failure::invalid("error importing key: it is not a private key in PKCS #8"))?;
    check(kind, pair, parsed.public())?;
    Ok(material::of_pair(&parsed, now))
}

pub fn public(kind: Kind, pem: &str, now: Millis) -> Result<Version> {
    let Some(pair) = kind.pair() else {
        return Err(Failure::invalid("provided type does not support public_key import"));
    };
    let der = form::der_of(pem)
        .ok_or_else(|| Failure::invalid("error importing key: error parsing public key: not in PEM format"))?;
    let parsed = PublicKey::from_spki(&der)
        .map_err(|_| Failure::invalid("error importing key: it is not a public key of a known type"))?;
    check(kind, pair, &parsed)?;
    Ok(material::of_public(&parsed, now))
}

fn check(kind: Kind, wanted: KeyKind, got: &PublicKey) -> Result<()> {
    if got.kind() == wanted {
        return Ok(());
    }
    let got = match got.kind() {
        KeyKind::Rsa(bits) => format!("an RSA key of {bits} bits"),
        KeyKind::P256 => "a key of P-256".to_owned(),
        KeyKind::P384 => "a key of P-384".to_owned(),
        KeyKind::P521 => "a key of P-521".to_owned(),
        KeyKind::Ed25519 => "an Ed25519 key".to_owned(),
    };
    Err(Failure::invalid(format!("error importing key: invalid key type: expected {}, got {got}", kind.name())))
}
