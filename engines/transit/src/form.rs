//! The forms in which keys leave: PEM, DER in base64, and the raw bytes.

use crypto::{KeyKind, PublicKey};
use pem::{EncodeConfig, LineEnding, Pem};
use sdk::{Failure, Result};

use crate::certificate;
use crate::kind::Kind;
use crate::material::{Material, Ready, ed25519_64};
use crate::wire;

fn pem_of(tag: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

/// The public half as a key's description has it.
pub fn public(key: &PublicKey) -> String {
    key.ed25519().map_or_else(|| pem_of("PUBLIC KEY", key.spki()), |raw| wire::encode(&raw))
}

/// One version in the form that was asked for.
pub fn export(kind: Kind, ready: &Ready, what: &str, format: &str) -> Result<String> {
    let unknown = || Failure::invalid(format!("unknown key type {} for export type {what}", kind.name()));
    let bytes = |bytes: &[u8]| match format {
        "" | "raw" => Ok(wire::encode(bytes)),
        _ => Err(Failure::invalid("unknown format for HMAC key; supported values are `` or `raw`")),
    };
    match (what, &ready.material) {
        ("hmac-key", _) => bytes(ready.hmac.expose()),
        ("encryption-key", Material::Bytes(key)) if kind.cipher().is_some() => bytes(key.expose()),
        ("encryption-key" | "signing-key", Material::Pair(_) | Material::Public(_)) => private(ready, format),
        ("public-key", _) => exported_public(ready.public().ok_or_else(unknown)?, format),
        ("certificate-chain", _) if ready.chain.is_empty() => {
            Err(Failure::invalid("selected key version does not have a certificate chain imported"))
        }
        ("certificate-chain", _) => Ok(certificate::shown(ready.chain.iter().map(|der| der.0.as_slice()))),
        _ => Err(unknown()),
    }
}

/// Empty where there is only the public half.
fn private(ready: &Ready, format: &str) -> Result<String> {
    let public = ready.public().map(PublicKey::kind);
    if format == "raw" && public != Some(KeyKind::Ed25519) {
        return Err(not_raw(public));
    }
    let Some(pair) = ready.private() else { return Ok(String::new()) };
    Ok(match format {
        "der" => wire::encode(&pair.pkcs8()),
        "pem" => trimmed(pair.public().kind(), pem_of("PRIVATE KEY", &pair.pkcs8())),
        _ => match (pair.older_form(), ed25519_64(pair)) {
            (Some(der), _) => {
                let kind = pair.public().kind();
                let tag = if matches!(kind, KeyKind::Rsa(_)) { "RSA PRIVATE KEY" } else { "EC PRIVATE KEY" };
                trimmed(kind, pem_of(tag, &der))
            }
            (None, Some(raw)) => wire::encode(&raw),
            (None, None) => return Err(Failure::internal("a private key without a form")),
        },
    })
}

fn exported_public(key: &PublicKey, format: &str) -> Result<String> {
    Ok(match (format, key.ed25519()) {
        ("" | "raw", Some(raw)) => wire::encode(&raw),
        ("raw", None) => return Err(not_raw(Some(key.kind()))),
        ("der", _) => wire::encode(key.spki()),
        _ => trimmed(key.kind(), pem_of("PUBLIC KEY", key.spki())),
    })
}

fn not_raw(kind: Option<KeyKind>) -> Failure {
    let kind = if matches!(kind, Some(KeyKind::Rsa(_))) { "rsa" } else { "ec" };
    Failure::invalid(format!("unknown key format for {kind} key; supported values are ``, `der`, or `pem`"))
}

/// As clients know it, only RSA keys end with a line.
fn trimmed(kind: KeyKind, pem: String) -> String {
    if matches!(kind, KeyKind::Rsa(_)) { pem } else { pem.trim_end().to_owned() }
}

/// The first block of a PEM text.
pub fn der_of(text: &str) -> Option<Vec<u8>> {
    pem::parse(text).ok().map(Pem::into_contents)
}
