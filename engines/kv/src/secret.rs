//! What happens to a secret of version 2: versions come, are trimmed, deleted, restored and destroyed. Pure: time is an
//! argument, and what is to be stored or removed comes back as a result.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Millis, timestamp};
use serde::Serialize;

use crate::records::{Secret, Settings, Version};

/// How many versions are kept where neither the mount nor the secret says.
const MAX_VERSIONS: u32 = 10;

/// A version, as the wire has it.
#[derive(Serialize, JsonSchema)]
pub struct ShownVersion {
    created_time: String,
    /// When it is deleted or was; empty if it is not.
    deletion_time: String,
    destroyed: bool,
}

/// The same beside its data.
#[derive(Serialize, JsonSchema)]
pub struct VersionMetadata {
    #[serde(flatten)]
    shown: ShownVersion,
    version: u64,
    custom_metadata: Option<BTreeMap<String, String>>,
}

/// A secret's settings and history.
#[derive(Serialize, JsonSchema)]
pub struct Metadata {
    cas_required: bool,
    created_time: String,
    current_metadata_version: u64,
    current_version: u64,
    custom_metadata: Option<BTreeMap<String, String>>,
    delete_version_after: String,
    max_versions: u32,
    metadata_cas_required: bool,
    oldest_version: u64,
    updated_time: String,
    versions: BTreeMap<String, ShownVersion>,
}

impl Secret {
    pub fn new(now: Millis) -> Self {
        Self {
            created: now,
            updated: now,
            current: 0,
            oldest: 0,
            edition: 0,
            max_versions: 0,
            cas_required: false,
            metadata_cas_required: false,
            delete_version_after: 0,
            custom: BTreeMap::new(),
            versions: BTreeMap::new(),
            adopted: false,
        }
    }

    /// Makes the next version the current one. Returns the versions that fell out and had their data stored.
    pub fn add_version(&mut self, settings: &Settings, now: Millis) -> Vec<u64> {
        let deletion = self.expiry(settings, now);
        self.current += 1;
        self.versions.insert(self.current, Version { created: now, deletion, destroyed: false });
        self.updated = now;

        let kept = match self.max_versions.max(settings.max_versions) {
            0 => u64::from(MAX_VERSIONS),
            set => u64::from(set),
        };
        if self.current - self.oldest < kept {
            return Vec::new();
        }
        self.oldest = self.current - kept + 1;
        let kept = self.versions.split_off(&self.oldest);
        let trimmed = std::mem::replace(&mut self.versions, kept);
        trimmed.into_iter().filter(|(_, version)| !version.destroyed).map(|(number, _)| number).collect()
    }

    /// The version asked for by number; 0 and less ask for the current one.
    pub fn version(&self, asked: i64) -> Option<(u64, &Version)> {
        let number = u64::try_from(asked).ok().filter(|n| *n > 0).unwrap_or(self.current);
        self.versions.get(&number).map(|version| (number, version))
    }

    pub fn delete(&mut self, number: u64, now: Millis) {
        if let Some(version) = self.versions.get_mut(&number).filter(|v| v.readable(now)) {
            version.deletion = Some(now);
        }
    }

    /// Restores a version that still has its data; its time begins anew.
    pub fn undelete(&mut self, number: u64, settings: &Settings, now: Millis) {
        let expiry = self.expiry(settings, now);
        if let Some(version) = self.versions.get_mut(&number).filter(|v| !v.destroyed) {
            version.deletion = expiry;
        }
    }

    /// Whether there were data that must be removed now.
    pub fn destroy(&mut self, number: u64) -> bool {
        let Some(version) = self.versions.get_mut(&number).filter(|v| !v.destroyed) else { return false };
        version.destroyed = true;
        true
    }

    /// When a version that begins now ends by itself: the shorter of the secret's and the mount's time.
    fn expiry(&self, settings: &Settings, now: Millis) -> Option<Millis> {
        let mount = u64::try_from(settings.delete_version_after).ok()?;
        let seconds = [mount, self.delete_version_after].into_iter().filter(|s| *s > 0).min()?;
        Some(now.plus(Duration::from_secs(seconds)))
    }

    /// The metadata, as the wire has them.
    pub fn describe(&self) -> Metadata {
        Metadata {
            cas_required: self.cas_required,
            created_time: timestamp(self.created),
            current_metadata_version: self.edition,
            current_version: self.current,
            custom_metadata: self.custom_if_any(),
            delete_version_after: sdk::duration::go(i128::from(self.delete_version_after) * sdk::duration::SECOND),
            max_versions: self.max_versions,
            metadata_cas_required: self.metadata_cas_required,
            oldest_version: self.oldest,
            updated_time: timestamp(self.updated),
            versions: self.versions.iter().map(|(number, version)| (number.to_string(), version.describe())).collect(),
        }
    }

    /// One version, as the wire has it beside its data.
    pub fn describe_version(&self, number: u64, version: &Version) -> VersionMetadata {
        VersionMetadata { shown: version.describe(), version: number, custom_metadata: self.custom_if_any() }
    }

    fn custom_if_any(&self) -> Option<BTreeMap<String, String>> {
        Some(self.custom.clone()).filter(|custom| !custom.is_empty())
    }
}

impl Version {
    pub fn readable(&self, now: Millis) -> bool {
        !self.destroyed && self.deletion.is_none_or(|at| at > now)
    }

    fn describe(&self) -> ShownVersion {
        ShownVersion {
            created_time: timestamp(self.created),
            deletion_time: self.deletion.map(timestamp).unwrap_or_default(),
            destroyed: self.destroyed,
        }
    }
}
