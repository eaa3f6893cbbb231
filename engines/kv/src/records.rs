//! The stored records: their keys, their shapes, and which of them make up a secret. The README draws the layout.

use std::collections::BTreeMap;

use sdk::{Failure, Key, Map, Millis, Page, Read, Result, Txn, Value};
use serde::{Deserialize, Serialize};

use crate::name::{Folder, Name};

/// A value of version 1.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    pub written: Millis,
    pub data: Map<String, Value>,
}

/// Settings of a v2 mount.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// 0 leaves it to the built-in default.
    pub max_versions: u32,
    pub cas_required: bool,
    pub metadata_cas_required: bool,
    /// Seconds. 0 sets no limit; -1 switches the limits of the secrets off too.
    pub delete_version_after: i64,
}

/// A v2 secret without its data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub created: Millis,
    pub updated: Millis,
    /// The number of the latest version; 0 before the first.
    pub current: u64,
    /// Nothing below it is kept; 0 until the limit is reached for the first time.
    pub oldest: u64,
    /// Counts changes of the settings.
    pub edition: u64,
    #[serde(default)]
    pub max_versions: u32,
    #[serde(default)]
    pub cas_required: bool,
    #[serde(default)]
    pub metadata_cas_required: bool,
    /// Seconds; 0 leaves it to the mount.
    #[serde(default)]
    pub delete_version_after: u64,
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
    pub versions: BTreeMap<u64, Version>,
    /// Version 1 was written while the mount had version 1: its data lie in the `value` record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub created: Millis,
    /// Deleted from then on, which may be in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Millis>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
}

/// The data of one version; `null` if it was written as `null`.
#[derive(Serialize, Deserialize)]
struct VersionData {
    data: Option<Map<String, Value>>,
}

/// Version 1.
pub mod value {
    use super::*;

    pub fn exists(read: &impl Read, name: &Name) -> Result<bool> {
        Ok(read.bytes(&key(name.as_str()))?.is_some())
    }

    pub fn get(read: &impl Read, name: &Name) -> Result<Option<Stored>> {
        Ok(read.get(&key(name.as_str()))?)
    }

    pub fn put(txn: &mut Txn, name: &Name, value: &Stored) -> Result<()> {
        Ok(txn.put(&key(name.as_str()), value)?)
    }

    pub fn delete(txn: &mut Txn, name: &Name) {
        txn.delete(&key(name.as_str()));
    }

    pub fn list(read: &impl Read, folder: &Folder) -> Result<Vec<String>> {
        Ok(read.list(&key(folder.as_str()))?)
    }

    pub(super) fn key(path: &str) -> Key {
        Key::kind("value").names(path)
    }
}

pub mod settings {
    use super::*;

    pub fn get(read: &impl Read) -> Result<Settings> {
        Ok(read.get(&key())?.unwrap_or_default())
    }

    pub fn get_for_update(txn: &Txn) -> Result<Settings> {
        Ok(txn.get_for_update(&key())?.unwrap_or_default())
    }

    pub fn put(txn: &mut Txn, settings: &Settings) -> Result<()> {
        Ok(txn.put(&key(), settings)?)
    }

    fn key() -> Key {
        Key::kind("config")
    }
}

/// Version 2.
pub mod secret {
    use super::*;

    pub fn get(read: &impl Read, name: &Name) -> Result<Option<Secret>> {
        match read.get(&key(name.as_str()))? {
            Some(secret) => Ok(Some(secret)),
            None => adopt(read, name),
        }
    }

    /// Takes the secret's place in the queue of its writers, whether or not it is there.
    pub fn get_for_update(txn: &Txn, name: &Name) -> Result<Option<Secret>> {
        match txn.get_for_update(&key(name.as_str()))? {
            Some(secret) => Ok(Some(secret)),
            None => adopt(txn, name),
        }
    }

    pub fn put(txn: &mut Txn, name: &Name, secret: &Secret) -> Result<()> {
        Ok(txn.put(&key(name.as_str()), secret)?)
    }

    /// Removes the secret and the data of all its versions.
    pub fn delete(txn: &mut Txn, name: &Name, secret: &Secret) {
        txn.delete(&key(name.as_str()));
        txn.delete_folder(&versions(name));
        if secret.adopted {
            value::delete(txn, name);
        }
    }

    /// Whether there are secrets below the name.
    pub fn is_folder(txn: &Txn, name: &Name) -> Result<bool> {
        Ok(!txn.range(&key(name.as_folder().as_str()), None, 1)?.is_empty())
    }

    /// What is stored of the versions' data, as it is stored.
    pub fn stored_data(read: &impl Read, name: &Name, secret: &Secret) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut found = Vec::new();
        let mut size = 0;
        for (number, _) in secret.versions.iter().filter(|(_, version)| !version.destroyed) {
            let adopted = *number == 1 && secret.adopted;
            let bytes = if adopted {
                serde_json::to_vec(&VersionData { data: data(read, name, secret, 1)? }).map_err(Failure::internal)?
            } else {
                read.bytes(&versions(name).number(*number))?.ok_or_else(lost)?.0
            };
            size += bytes.len();
            if size > HISTORY_MAX {
                let text = "the secret's versions are together larger than what can be written at once";
                return Err(Failure::TooLarge(text.into()));
            }
            found.push((*number, bytes));
        }
        Ok(found)
    }

    /// More than any log entry can hold.
    const HISTORY_MAX: usize = 8 * 1024 * 1024;

    pub fn put_stored_data(txn: &mut Txn, name: &Name, number: u64, bytes: &[u8]) {
        txn.put_bytes(&versions(name).number(number), bytes);
    }

    pub fn list(read: &impl Read, folder: &Folder) -> Result<Vec<String>> {
        page(read, folder, &Page::default())
    }

    pub fn page(read: &impl Read, folder: &Folder, page: &Page) -> Result<Vec<String>> {
        let mut names = page.of(read, &key(folder.as_str()))?;
        let adopted = page.of(read, &value::key(folder.as_str()))?;
        if !adopted.is_empty() {
            names.extend(adopted);
            names.sort();
            names.dedup();
            names.truncate(page.limit());
        }
        Ok(names)
    }

    /// The data of a version that is known to be kept.
    pub fn data(read: &impl Read, name: &Name, secret: &Secret, number: u64) -> Result<Option<Map<String, Value>>> {
        if number == 1 && secret.adopted {
            return value::get(read, name)?.map(|stored| Some(stored.data)).ok_or_else(lost);
        }
        let found: Option<VersionData> = read.get(&versions(name).number(number))?;
        found.map(|version| version.data).ok_or_else(lost)
    }

    pub fn put_data(txn: &mut Txn, name: &Name, number: u64, data: Option<Map<String, Value>>) -> Result<()> {
        Ok(txn.put(&versions(name).number(number), &VersionData { data })?)
    }

    pub fn delete_data(txn: &mut Txn, name: &Name, secret: &mut Secret, number: u64) {
        if number == 1 && secret.adopted {
            secret.adopted = false;
            value::delete(txn, name);
        } else {
            txn.delete(&versions(name).number(number));
        }
    }

    fn key(path: &str) -> Key {
        Key::kind("secret").names(path)
    }

    fn versions(name: &Name) -> Key {
        Key::kind("version").names(name.as_str()).plain("v")
    }

    fn lost() -> sdk::Failure {
        sdk::Failure::internal("a version of a secret is listed, but its data are not stored")
    }

    fn adopt(read: &impl Read, name: &Name) -> Result<Option<Secret>> {
        let found: Option<Written> = read.get(&value::key(name.as_str()))?;
        Ok(found.map(|Written { written }| Secret {
            current: 1,
            oldest: 1,
            versions: BTreeMap::from([(1, Version { created: written, deletion: None, destroyed: false })]),
            adopted: true,
            ..Secret::new(written)
        }))
    }

    /// What adoption needs of a [`Stored`], which may be large.
    #[derive(Deserialize)]
    struct Written {
        written: Millis,
    }
}
