//! A key as the API shows it: everything but its secrets.

use std::collections::BTreeMap;

use crypto::{KeyKind, PrivateKey};
use schemars::JsonSchema;
use sdk::{Failure, Read, Reply, Result, timestamp};
use serde::Serialize;

use crate::kind::Kind;
use crate::material::Ready;
use crate::record::{Kdf, Key, Told, Version};
use crate::{certificate, form, wire};

#[derive(Serialize, JsonSchema)]
pub struct Shown {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    derived: bool,
    deletion_allowed: bool,
    min_available_version: u64,
    min_decryption_version: u64,
    min_encryption_version: u64,
    latest_version: u64,
    exportable: bool,
    allow_plaintext_backup: bool,
    supports_encryption: bool,
    supports_decryption: bool,
    supports_signing: bool,
    supports_derivation: bool,
    /// In seconds; 0 is never.
    auto_rotate_period: u64,
    imported_key: bool,
    soft_deleted: bool,
    /// In bytes, of an HMAC key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imported_key_allow_rotation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_info: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_info: Option<At>,
    /// Of a derived key.
    #[serde(skip_serializing_if = "Option::is_none")]
    kdf: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kdf_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    convergent_encryption: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    convergent_encryption_version: Option<i64>,
    /// By their versions: when each was made, or, of pairs, the public half.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<BTreeMap<String, OfVersion>>,
}

#[derive(Serialize, JsonSchema)]
struct At {
    time: String,
    version: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum OfVersion {
    /// In seconds since 1970.
    Made(u64),
    Pair {
        name: &'static str,
        /// In PEM, or in base64 of Ed25519.
        public_key: String,
        /// In PEM.
        certificate_chain: String,
        creation_time: String,
    },
}

pub fn show(read: &impl Read, name: &str, key: &Key, context: &[u8]) -> Result<Reply<Shown>> {
    let kind = key.kind;
    let at = |told: Option<Told>| told.map(|told| At { time: timestamp(told.time), version: told.version });
    let kdf = key.derived.map(|kdf| match kdf {
        Kdf::Hkdf => "hkdf_sha256",
        Kdf::HmacCounter => "hmac-sha256-counter",
    });
    let versions = || -> Result<BTreeMap<String, OfVersion>> {
        let shown = |number: u64| {
            let version = Version::of(read, name, number)?;
            Ok((number.to_string(), of_version(key, &version, context)?))
        };
        key.numbers().map(shown).collect()
    };
    Reply::data(Shown {
        name: name.to_owned(),
        kind: kind.name(),
        derived: key.derived.is_some(),
        deletion_allowed: key.deletion_allowed,
        min_available_version: key.min_available,
        min_decryption_version: key.min_decryption,
        min_encryption_version: key.min_encryption,
        latest_version: key.latest,
        exportable: key.exportable,
        allow_plaintext_backup: key.plaintext_backup,
        supports_encryption: kind.encrypts(),
        supports_decryption: kind.encrypts(),
        supports_signing: kind.signs(),
        supports_derivation: kind.derives(),
        auto_rotate_period: key.auto_rotate,
        imported_key: key.imported,
        soft_deleted: key.soft_deleted,
        key_size: key.size,
        imported_key_allow_rotation: key.imported.then_some(key.rotation_allowed),
        backup_info: at(key.backed_up),
        restore_info: at(key.restored),
        kdf,
        kdf_mode: kdf.filter(|_| key.derived == Some(Kdf::HmacCounter)),
        convergent_encryption: kdf.map(|_| key.convergent),
        // The third way to convergence; it says so in each version.
        convergent_encryption_version: kdf.filter(|_| key.convergent).map(|_| -1),
        keys: if kind == Kind::Hmac { None } else { Some(versions()?) },
    })
}

fn of_version(key: &Key, version: &Version, context: &[u8]) -> Result<OfVersion> {
    let Some(pair) = key.kind.pair() else { return Ok(OfVersion::Made(version.created.0 / 1000)) };
    let ready = Ready::of(key, version)?;
    let public = match key.derived {
        Some(_) if context.is_empty() => String::new(),
        Some(kdf) => {
            let seed = ready.derive(kdf, context, 32)?;
            let derived = PrivateKey::from_ed25519_seed(&seed).map_err(Failure::internal)?;
            derived.public().ed25519().map(|public| wire::encode(&public)).unwrap_or_default()
        }
        None => ready.public().map(form::public).unwrap_or_default(),
    };
    let name = match pair {
        KeyKind::P256 => "P-256",
        KeyKind::P384 => "P-384",
        KeyKind::P521 => "P-521",
        _ => key.kind.name(),
    };
    Ok(OfVersion::Pair {
        name,
        public_key: public,
        certificate_chain: certificate::shown(version.chain.iter().map(|der| der.0.as_slice())),
        creation_time: timestamp(version.created),
    })
}
