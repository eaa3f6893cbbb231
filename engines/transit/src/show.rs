//! A key as the API shows it: everything but its secrets.

use sdk::{Answer, Map, Read, Result, Value, json, timestamp};

use crate::certificate;
use crate::form;
use crate::kind::Kind;
use crate::record::{Kdf, Key, Told, Version};
use crate::{material, wire};

pub fn show(read: &impl Read, name: &str, key: &Key, context: &[u8]) -> Result<Answer> {
    let kind = key.kind;
    let mut shown = Map::new();
    for (field, value) in [
        ("name", json!(name)),
        ("type", json!(kind.name())),
        ("derived", json!(key.derived.is_some())),
        ("deletion_allowed", json!(key.deletion_allowed)),
        ("min_available_version", json!(key.min_available)),
        ("min_decryption_version", json!(key.min_decryption)),
        ("min_encryption_version", json!(key.min_encryption)),
        ("latest_version", json!(key.latest)),
        ("exportable", json!(key.exportable)),
        ("allow_plaintext_backup", json!(key.plaintext_backup)),
        ("supports_encryption", json!(kind.encrypts())),
        ("supports_decryption", json!(kind.encrypts())),
        ("supports_signing", json!(kind.signs())),
        ("supports_derivation", json!(kind.derives())),
        ("auto_rotate_period", json!(key.auto_rotate)),
        ("imported_key", json!(key.imported)),
        ("soft_deleted", json!(key.soft_deleted)),
    ] {
        shown.insert(field.into(), value);
    }
    if let Some(size) = key.size {
        shown.insert("key_size".into(), json!(size));
    }
    if key.imported {
        shown.insert("imported_key_allow_rotation".into(), json!(key.rotation_allowed));
    }
    for (field, told) in [("backup_info", key.backed_up), ("restore_info", key.restored)] {
        if let Some(Told { time, version }) = told {
            shown.insert(field.into(), json!({ "time": timestamp(time), "version": version }));
        }
    }
    if let Some(kdf) = key.derived {
        let name = match kdf {
            Kdf::Hkdf => "hkdf_sha256",
            Kdf::HmacCounter => "hmac-sha256-counter",
        };
        shown.insert("kdf".into(), json!(name));
        if kdf == Kdf::HmacCounter {
            shown.insert("kdf_mode".into(), json!(name));
        }
        shown.insert("convergent_encryption".into(), json!(key.convergent));
        if key.convergent {
            // The third way to convergence; it says so in each version.
            shown.insert("convergent_encryption_version".into(), json!(-1));
        }
    }
    if kind != Kind::Hmac {
        let mut keys = Map::new();
        for number in key.numbers() {
            let version = Version::of(read, name, number)?;
            keys.insert(number.to_string(), of_version(key, &version, context)?);
        }
        shown.insert("keys".into(), Value::Object(keys));
    }
    Ok(Answer::data(shown))
}

fn of_version(key: &Key, version: &Version, context: &[u8]) -> Result<Value> {
    let Some(pair) = key.kind.pair() else { return Ok(json!(version.created.0 / 1000)) };
    let ready = material::Ready::of(key, version)?;
    let public = match key.derived {
        Some(_) if context.is_empty() => String::new(),
        Some(kdf) => {
            let seed = ready.derive(kdf, context, 32)?;
            let derived = crypto::PrivateKey::from_ed25519_seed(&seed).map_err(sdk::Failure::internal)?;
            derived.public().ed25519().map(|public| wire::encode(&public)).unwrap_or_default()
        }
        None => ready.public().map(form::public).unwrap_or_default(),
    };
    let name = match pair {
        crypto::KeyKind::P256 => "P-256",
        crypto::KeyKind::P384 => "P-384",
        crypto::KeyKind::P521 => "P-521",
        _ => key.kind.name(),
    };
    Ok(json!({
        "name": name,
        "public_key": public,
        "certificate_chain": certificate::shown(version.chain.iter().map(|der| der.0.as_slice())),
        "creation_time": timestamp(version.created),
    }))
}
