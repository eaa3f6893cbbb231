//! Finding keys: their records are decoded once, and used for as long as they stay what they are.

use std::sync::Arc;

use sdk::{Failure, Forget, Kept, Result, View};

use crate::material::Ready;
use crate::record::{self, Key, Version};

/// Of each, over all mounts.
const KEPT: usize = 4096;

pub struct Keys {
    keys: Kept<Key>,
    versions: Kept<Ready>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { keys: Kept::new(KEPT), versions: Kept::new(KEPT) }
    }
}

impl Keys {
    pub fn get<'a>(&'a self, view: &'a View, name: &'a str) -> Result<Option<InUse<'a>>> {
        let found = self.keys.read(view, &record::key_at(name), decode)?;
        Ok(found.map(|key| InUse { key, place: Place::Stored { keys: self, view, name } }))
    }

    /// As [`get`](Self::get); `missing` is what to say if there is no such key.
    pub fn find<'a>(&'a self, view: &'a View, name: &'a str, missing: &str) -> Result<InUse<'a>> {
        self.get(view, name)?.ok_or_else(|| Failure::invalid(missing))
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.keys.forget(which);
        self.versions.forget(which);
    }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|problem| Failure::internal(format!("a record is not of its kind: {problem}")))
}

/// A key, and where its versions are found.
pub struct InUse<'a> {
    pub key: Arc<Key>,
    place: Place<'a>,
}

enum Place<'a> {
    Stored {
        keys: &'a Keys,
        view: &'a View,
        name: &'a str,
    },
    /// By the transaction that goes on: there is one version.
    Made(Arc<Ready>),
}

impl InUse<'static> {
    pub fn made(key: Key, version: &Version) -> Result<Self> {
        let ready = Arc::new(Ready::of(&key, version)?);
        Ok(Self { key: Arc::new(key), place: Place::Made(ready) })
    }
}

impl InUse<'_> {
    pub fn version(&self, number: u64) -> Result<Arc<Ready>> {
        let missing = || Failure::invalid("no such key version");
        if !self.key.numbers().contains(&number) {
            return Err(missing());
        }
        match &self.place {
            Place::Made(ready) => Ok(Arc::clone(ready)),
            Place::Stored { keys, view, name } => {
                let at = record::version_at(name, number);
                let read = |bytes: &[u8]| Ready::of(&self.key, &decode(bytes)?);
                keys.versions.read(view, &at, read)?.ok_or_else(missing)
            }
        }
    }

    /// The version to encrypt or sign with, `asked` or the latest. `what` is what is done.
    pub fn newest(&self, what: &str, asked: i64) -> Result<u64> {
        let asked =
            u64::try_from(asked).map_err(|_| Failure::invalid(format!("requested version for {what} is negative")))?;
        if asked == 0 {
            return Ok(self.key.latest);
        }
        if asked > self.key.latest {
            let text = format!("requested version for {what} is higher than the latest key version");
            return Err(Failure::invalid(text));
        }
        if asked < self.key.min_encryption {
            let text = format!("requested version for {what} is less than the minimum encryption key version");
            return Err(Failure::invalid(text));
        }
        Ok(asked)
    }

    /// The version that made a text, if it may still be used.
    pub fn oldest(&self, what: &str, number: u64) -> Result<u64> {
        if number > self.key.latest {
            return Err(Failure::invalid(format!("invalid {what}: version is too new")));
        }
        if number < self.key.min_decryption {
            return Err(Failure::invalid("ciphertext or signature version is disallowed by policy (too old)"));
        }
        Ok(number)
    }
}
