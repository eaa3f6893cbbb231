//! The one replicated record about audit: devices made through the API, and the headers that entries show.
//!
//! One record, so that a request learns by one revision whether anything has changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};

/// How many devices there may be, those of the configuration apart.
pub const DEVICES_MAX: usize = 32;
pub const HEADERS_MAX: usize = 128;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditTable {
    /// By path, with its slash.
    pub devices: BTreeMap<String, DeviceRecord>,
    /// By name, in lower case: whether the values are hashed.
    pub headers: BTreeMap<String, bool>,
}

/// What a device was told, as it is shown again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

pub fn key() -> PathKey {
    PathKey::kind("audit")
}

impl AuditTable {
    pub fn read(read: &impl Read) -> Result<Self, Access> {
        Ok(read.get(&key())?.unwrap_or_default())
    }

    pub fn change(txn: &mut Txn) -> Result<Self, Access> {
        Ok(txn.get_for_update(&key())?.unwrap_or_default())
    }

    pub fn write(&self, txn: &mut Txn) -> Result<(), Access> {
        txn.put(&key(), self)
    }
}
