//! `seal "static"`: a key that stands in the configuration.

use std::fmt;
use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine};
use crypto::{Key32, ct_eq};
use zeroize::Zeroizing;

use super::COMMON;
use crate::config::declared::Takes::Text;
use crate::config::declared::{Key, Table};
use crate::config::environment::variable;
use crate::config::problem::ConfigError;
use crate::config::section::{Entry, Section};

/// The root key is wrapped by a key that stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticKeys {
    pub current: SealKey,
    pub previous: Option<SealKey>,
}

/// A key and the id that tells it from others. Debug shows the id alone.
#[derive(Clone)]
pub struct SealKey {
    pub id: String,
    key: Zeroizing<[u8; 32]>,
}

impl SealKey {
    pub fn key(&self) -> Key32 {
        Key32::from_slice(self.key.as_slice()).expect("invariant: a seal's key has 32 bytes")
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({:?})", self.id)
    }
}

impl PartialEq for SealKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && ct_eq(self.key.as_slice(), other.key.as_slice())
    }
}

impl Eq for SealKey {}

pub const STATIC: Table = Table {
    label: "static",
    about: "The root key is wrapped by a key in the configuration: nodes unseal and join by themselves. All nodes need \
            the same block. `sys/init` gives recovery keys, which unseal as well.",
    keys: &[
        &[
            Key::new("current_key_id", Text, "", "A name for the key, which must change when the key does. Required."),
            Key::new(
                "current_key",
                Text,
                "",
                "The key, 32 bytes: as they are, in hexadecimal or in base64; or `file://` and a path, or `env://` and \
                 the name of a variable, where it is found in one of these forms. Required.",
            ),
            Key::new("previous_key_id", Text, "", "The name of the key before the present one."),
            Key::new(
                "previous_key",
                Text,
                "",
                "The key before the present one. The active node wraps the root key anew, after which it is not needed.",
            ),
        ],
        COMMON,
    ],
};

pub(super) fn read(section: &Section<'_>) -> Result<StaticKeys, ConfigError> {
    let current = named(section, "current_key_id", "current_key")?;
    let previous = named(section, "previous_key_id", "previous_key")?;
    let current = current.ok_or_else(|| ConfigError::MissingKey {
        place: section.place(),
        block: section.name.clone(),
        key: "current_key",
        wanted: "give the key that wraps the root key, 32 bytes in hexadecimal or base64, and its `current_key_id`",
    })?;
    if previous.as_ref().is_some_and(|previous| previous.id == current.id) {
        let problem = "`current_key_id` and `previous_key_id` are the same: another key needs another id".to_owned();
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    Ok(StaticKeys { current, previous })
}

fn named(section: &Section<'_>, id: &'static str, key: &'static str) -> Result<Option<SealKey>, ConfigError> {
    let given = section.text(id)?.filter(|id| !id.is_empty());
    match (given, section.entry(key)) {
        (Some(id), Some(entry)) => Ok(Some(SealKey { id, key: bytes(&entry)? })),
        (None, None) => Ok(None),
        _ => {
            let problem = format!("`{id}` and `{key}` must be given together");
            Err(ConfigError::BadBlock { place: section.place(), problem })
        }
    }
}

fn bytes(entry: &Entry<'_>) -> Result<Zeroizing<[u8; 32]>, ConfigError> {
    let text = Zeroizing::new(entry.text()?);
    let found = if let Some(path) = text.strip_prefix("file://") {
        let read = fs::read(path).map(Zeroizing::new);
        read.map_err(|problem| entry.bad_unseen(format!("{path} cannot be read: {problem}")))?
    } else if let Some(name) = text.strip_prefix("env://") {
        let value = variable(name).map(String::into_bytes).map(Zeroizing::new);
        value.ok_or_else(|| entry.bad_unseen(format!("the environment has no variable {name:?} with a text")))?
    } else {
        Zeroizing::new(text.as_bytes().to_vec())
    };
    decode(&found).ok_or_else(|| entry.bad_unseen("it must be 32 bytes: as they are, in hexadecimal or in base64"))
}

fn decode(found: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let exact = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).ok().map(Zeroizing::new);
    if let Some(raw) = exact(found) {
        return Some(raw);
    }
    let text = found.trim_ascii();
    let decoded = match hex::decode(text) {
        Ok(bytes) => bytes,
        Err(_) => BASE64_STANDARD.decode(text).ok()?,
    };
    exact(&Zeroizing::new(decoded))
}
