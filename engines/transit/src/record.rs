//! What is stored: a key's settings, and each of its versions as a record of its own. The README draws the layout.

use std::time::Duration;

use sdk::{Failure, Key as Path, Millis, Read, Result, Txn};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::import::HMAC_SIZES;
use crate::kind::Kind;
use crate::{rotation, wire};

/// Secret bytes; base64 in a record.
#[derive(Clone, Default)]
pub struct Secret(pub Zeroizing<Vec<u8>>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(wire::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        wire::decode(&text).map(|bytes| Self(Zeroizing::new(bytes))).map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub time: Millis,
    pub version: u64,
}

/// How a derived key comes of its context.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kdf {
    Hkdf,
    /// Of keys that were imported, as other servers have it.
    HmacCounter,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    pub kind: Kind,
    #[serde(default)]
    pub derived: Option<Kdf>,
    #[serde(default)]
    pub convergent: bool,
    #[serde(default)]
    pub exportable: bool,
    #[serde(default)]
    pub plaintext_backup: bool,
    #[serde(default)]
    pub deletion_allowed: bool,
    #[serde(default)]
    pub soft_deleted: bool,
    #[serde(default)]
    pub imported: bool,
    #[serde(default)]
    pub rotation_allowed: bool,
    /// Seconds; 0 is never.
    #[serde(default)]
    pub auto_rotate: u64,
    /// Of an HMAC key, in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    pub latest: u64,
    /// When the latest version was made.
    pub rotated: Millis,
    /// When it rotates by itself, as the index has it.
    #[serde(default)]
    pub due: Option<Millis>,
    pub min_decryption: u64,
    #[serde(default)]
    pub min_encryption: u64,
    #[serde(default)]
    pub min_available: u64,
    #[serde(default)]
    pub backed_up: Option<Told>,
    #[serde(default)]
    pub restored: Option<Told>,
}

/// One version: of a pair both halves, or the public one alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Version {
    pub created: Millis,
    /// A symmetric key's bytes, or PKCS #8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// SubjectPublicKeyInfo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Secret>,
    pub hmac: Secret,
    /// Its certificate and the authorities', in DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Secret>,
}

pub fn folder() -> Path {
    Path::kind("key")
}

pub fn key_at(name: &str) -> Path {
    folder().name(name)
}

fn versions(name: &str) -> Path {
    Path::kind("version").name(name)
}

pub fn version_at(name: &str, number: u64) -> Path {
    versions(name).number(number)
}

impl Key {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            derived: None,
            convergent: false,
            exportable: false,
            plaintext_backup: false,
            deletion_allowed: false,
            soft_deleted: false,
            imported: false,
            rotation_allowed: false,
            auto_rotate: 0,
            size: None,
            latest: 0,
            rotated: Millis(0),
            due: None,
            min_decryption: 1,
            min_encryption: 0,
            min_available: 0,
            backed_up: None,
            restored: None,
        }
    }

    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&key_at(name))?)
    }

    /// Reads a key that is going to be written.
    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&key_at(name))?)
    }

    pub fn put(&mut self, txn: &mut Txn, name: &str) -> Result<()> {
        let due = self.rotates();
        rotation::reschedule(txn, name, self.due, due)?;
        self.due = due;
        Ok(txn.put(&key_at(name), self)?)
    }

    /// Whether its settings are such that a key may have them: a backup comes from outside.
    pub fn could_be_made(&self) -> bool {
        let size = match self.size {
            None => true,
            Some(size) => self.kind == Kind::Hmac && usize::try_from(size).is_ok_and(|size| HMAC_SIZES.contains(&size)),
        };
        let derived = self.derived.is_none() || self.kind.derives();
        let convergent = !self.convergent || self.derived.is_some() && self.kind.cipher().is_some();
        let counted = self.latest <= u64::from(u32::MAX);
        size && derived && convergent && counted && rotation::may_be(self.auto_rotate)
    }

    /// When it is to rotate by itself.
    fn rotates(&self) -> Option<Millis> {
        let may = !self.soft_deleted && (!self.imported || self.rotation_allowed);
        (may && self.auto_rotate != 0).then(|| self.rotated.plus(Duration::from_secs(self.auto_rotate)))
    }

    /// Writes the key with one version more.
    pub fn add(&mut self, txn: &mut Txn, name: &str, version: &Version) -> Result<()> {
        self.latest += 1;
        self.rotated = version.created;
        version.put(txn, name, self.latest)?;
        self.put(txn, name)
    }

    /// The same with a version that was made here.
    pub fn rotate(&mut self, txn: &mut Txn, name: &str, version: &Version) -> Result<()> {
        self.imported = false;
        self.add(txn, name, version)
    }

    pub fn delete(self, txn: &mut Txn, name: &str) -> Result<()> {
        rotation::reschedule(txn, name, self.due, None)?;
        txn.delete(&key_at(name));
        txn.delete_folder(&versions(name));
        Ok(())
    }

    pub fn usable(&self) -> Result<()> {
        if self.soft_deleted { Err(Failure::invalid("refusing to use soft-deleted key")) } else { Ok(()) }
    }

    /// The version of this number, the latest without one.
    pub fn asked(&self, number: Option<i64>) -> Result<u64> {
        let Some(number) = number else { return Ok(self.latest) };
        let number = u64::try_from(number).ok().filter(|number| self.numbers().contains(number));
        number.ok_or_else(|| Failure::invalid("no such key version"))
    }

    /// The versions that may be used.
    pub fn numbers(&self) -> std::ops::RangeInclusive<u64> {
        self.min_decryption..=self.latest
    }
}

impl Version {
    pub fn get(read: &impl Read, name: &str, number: u64) -> Result<Option<Self>> {
        Ok(read.get(&version_at(name, number))?)
    }

    pub fn of(read: &impl Read, name: &str, number: u64) -> Result<Self> {
        Self::get(read, name, number)?.ok_or_else(|| Failure::internal("a version of a key is not stored"))
    }

    pub fn put(&self, txn: &mut Txn, name: &str, number: u64) -> Result<()> {
        Ok(txn.put(&version_at(name, number), self)?)
    }
}
