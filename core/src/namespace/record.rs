//! A namespace's record.

use std::collections::BTreeMap;

use sdk::NamespaceId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamespaceRecord {
    pub id: NamespaceId,
    pub uuid: String,
    /// Without a slash.
    pub name: String,
    #[serde(default)]
    pub custom_metadata: BTreeMap<String, String>,
    /// The SHA-256 of the key that unlocks its API, in hexadecimal, while that is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locked: Option<String>,
    /// Of one with a seal of its own: whether it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sealed: Option<bool>,
    /// It is being removed and counts no more.
    #[serde(default)]
    pub doomed: bool,
}

impl NamespaceRecord {
    pub fn is_locked(&self) -> bool {
        self.locked.is_some()
    }
}
