//! `seal "pkcs11"`: a key in a device.

use std::fs;
use std::path::PathBuf;

use seals_pkcs11::{Hash, KeyName, Mechanism};
use zeroize::Zeroizing;

use super::{COMMON, Secret};
use crate::config::declared::Takes::{Path, Text, Word};
use crate::config::declared::{Key, Table};
use crate::config::environment::variable;
use crate::config::problem::ConfigError;
use crate::config::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HsmSeal {
    pub lib: PathBuf,
    /// One of the two names the token, or both.
    pub slot: Option<u64>,
    pub token_label: Option<String>,
    pub pin: Secret,
    pub key: KeyName,
    pub mechanism: Mechanism,
}

pub const PKCS11: Table = Table {
    label: "pkcs11",
    about: "The root key is wrapped by a key in a device (an HSM) that speaks PKCS #11: nodes unseal and join by themselves while it \
            answers. The key is made beforehand. `sys/init` gives recovery keys, which unseal as well. With several such blocks the \
            environment is not looked at; `HOLDFAST_HSM_…` and `VAULT_HSM_…` are read as `BAO_HSM_…` is.",
    keys: &[
        &[
            Key::new("lib", Path, "", "The vendor's library. Required.").after("`BAO_HSM_LIB`"),
            Key::new("slot", Text, "", "The number of the slot that the token is in. It or `token_label` is required.")
                .after("`BAO_HSM_SLOT`"),
            Key::new("token_label", Text, "", "The token's label.").after("`BAO_HSM_TOKEN_LABEL`"),
            Key::new(
                "pin",
                Text,
                "",
                "The PIN, in quotes; or `file://` and a path, or `env://` and the name of a variable. One that the device refuses is \
                 not tried again before the next start. Required.",
            )
            .after("`BAO_HSM_PIN`"),
            Key::new("key_label", Text, "", "The key's label. It or `key_id` is required.").after("`BAO_HSM_KEY_LABEL`"),
            Key::new("key_id", Text, "", "The key's id, in hexadecimal.").after("`BAO_HSM_KEY_ID`"),
            Key::new("mechanism", Word, "CKM_AES_GCM", "`CKM_AES_GCM` (0x1087) or `CKM_RSA_PKCS_OAEP` (0x0009).")
                .after("`BAO_HSM_MECHANISM`"),
            Key::new("rsa_oaep_hash", Word, "sha256", "`sha1`, `sha224`, `sha256`, `sha384` or `sha512`, for OAEP.")
                .after("`BAO_HSM_RSA_OAEP_HASH`"),
        ],
        COMMON,
    ],
};

/// The environment is looked at if `alone`.
pub(super) fn read(section: &Section<'_>, alone: bool) -> Result<HsmSeal, ConfigError> {
    let value = |key: &'static str, name: &str| -> Result<Option<String>, ConfigError> {
        let written = section.text(key)?.filter(|text| !text.is_empty());
        let mut named =
            ["HOLDFAST", "BAO", "VAULT"].iter().filter_map(|product| variable(&format!("{product}_HSM_{name}")));
        Ok(named.next().filter(|_| alone).or(written))
    };
    let missing =
        |key, wanted| ConfigError::MissingKey { place: section.place(), block: section.name.clone(), key, wanted };
    let bad = |problem: String| ConfigError::BadBlock { place: section.place(), problem };
    let lib =
        value("lib", "LIB")?.ok_or_else(|| missing("lib", "give the path of the library that speaks to the device"))?;
    let (slot, token_label) = (value("slot", "SLOT")?, value("token_label", "TOKEN_LABEL")?);
    if slot.is_none() && token_label.is_none() {
        return Err(missing("token_label", "give the token's label, or its `slot`"));
    }
    let number = |text: String| text.parse().map_err(|_| bad(format!("`slot` is {text:?}: it must be a whole number")));
    let key_id = value("key_id", "KEY_ID")?;
    let id = key_id.map(|text| {
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        hex::decode(digits).map_err(|_| bad(format!("`key_id` is {text:?}: it must be in hexadecimal, as \"0x3031\"")))
    });
    let key = KeyName::new(value("key_label", "KEY_LABEL")?, id.transpose()?)
        .ok_or_else(|| missing("key_label", "give the label of the key in the device, or its `key_id`"))?;
    let hash = value("rsa_oaep_hash", "RSA_OAEP_HASH")?.unwrap_or_else(|| "sha256".to_owned());
    let hash = Hash::parse(&hash).ok_or_else(|| {
        bad(format!("`rsa_oaep_hash` is {hash:?}: it must be sha1, sha224, sha256, sha384 or sha512"))
    })?;
    let mechanism = value("mechanism", "MECHANISM")?.unwrap_or_else(|| "CKM_AES_GCM".to_owned());
    let mechanism = Mechanism::parse(&mechanism, hash)
        .ok_or_else(|| bad(format!("`mechanism` is {mechanism:?}: it must be CKM_AES_GCM or CKM_RSA_PKCS_OAEP")))?;
    let pin =
        pin(section, value("pin", "PIN"))?.ok_or_else(|| missing("pin", "give the PIN that the device asks for"))?;
    Ok(HsmSeal { lib: PathBuf::from(lib), slot: slot.map(number).transpose()?, token_label, pin, key, mechanism })
}

/// `found` is what is written, or stands in the environment before it.
fn pin(section: &Section<'_>, found: Result<Option<String>, ConfigError>) -> Result<Option<Secret>, ConfigError> {
    let bad = |problem: String| ConfigError::BadBlock { place: section.place(), problem: format!("`pin`: {problem}") };
    if let Some(entry) = section.entry("pin") {
        entry.quoted()?;
    }
    let Some(found) = found? else { return Ok(None) };
    if let Some(path) = found.strip_prefix("file://") {
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|problem| bad(format!("{path} cannot be read: {problem}")))?;
        return Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())));
    }
    let pin = match found.strip_prefix("env://") {
        None => found,
        Some(name) => {
            variable(name).ok_or_else(|| bad(format!("the environment has no variable {name:?} with a text")))?
        }
    };
    Ok(Some(Secret::new(pin)))
}
