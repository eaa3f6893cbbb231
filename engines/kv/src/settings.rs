//! Settings of a mount, and what a secret's own settings mean beside them.

use schemars::JsonSchema;
use sdk::duration;
use serde::Serialize;

use crate::records::Settings;

/// The mount's settings, as the wire has them.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    cas_required: bool,
    delete_version_after: String,
    max_versions: u32,
    metadata_cas_required: bool,
}

impl Settings {
    pub fn describe(&self) -> Shown {
        Shown {
            cas_required: self.cas_required,
            delete_version_after: duration::go(i128::from(self.delete_version_after) * duration::SECOND),
            max_versions: self.max_versions,
            metadata_cas_required: self.metadata_cas_required,
        }
    }

    /// Warnings about a secret's settings that the mount's overrule.
    pub fn overrule(&self, cas_required: Option<bool>, metadata_cas_required: Option<bool>) -> Vec<String> {
        [
            ("cas_required", self.cas_required, cas_required),
            ("metadata_cas_required", self.metadata_cas_required, metadata_cas_required),
        ]
        .into_iter()
        .filter(|(_, mandated, own)| *mandated && *own == Some(false))
        .map(|(name, ..)| {
            format!("{name:?} set to false, but is mandated by backend config. This value will be ignored.")
        })
        .collect()
    }
}

/// The wire's number as stored. A negative one wraps around to as good as no limit, as clients know it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn max_versions(wire: i64) -> u32 {
    wire as u32
}
