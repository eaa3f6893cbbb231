//! The plugin: which options a mount may have, and which of the two versions its paths are.

use std::collections::BTreeMap;

use sdk::{Backend, Failure, MountInfo, Plugin, PluginKind, Result};

pub struct Kv {
    v1: Backend,
    v2: Backend,
}

impl Kv {
    pub fn new() -> Self {
        Self { v1: crate::version_1(), v2: crate::version_2() }
    }
}

impl Default for Kv {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for Kv {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }

    fn types(&self) -> &'static [&'static str] {
        &TYPES
    }

    fn options(&self, type_name: &str, mut options: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let implied = match type_name {
            "kv-v1" => Some("1"),
            "kv-v2" => Some("2"),
            _ => None,
        };
        if let Some(version) = implied {
            options.insert(VERSION.into(), version.into());
        }
        version(&options)?;
        Ok(options)
    }

    fn retune(
        &self,
        old: &BTreeMap<String, String>,
        mut new: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        if let (None, Some(kept)) = (new.get(VERSION), old.get(VERSION)) {
            new.insert(VERSION.into(), kept.clone());
        }
        let (before, after) = (version(old)?, version(&new)?);
        if after < before {
            return Err(Failure::invalid(format!("cannot downgrade mount from version {before}")));
        }
        Ok(new)
    }

    fn backend(&self, mount: &MountInfo) -> &Backend {
        if keeps_versions(mount) { &self.v2 } else { &self.v1 }
    }
}

/// Whether it is a mount of version 2.
pub fn keeps_versions(mount: &MountInfo) -> bool {
    mount.options.get(VERSION).is_some_and(|version| version == "2")
}

/// What a mount of this plugin may be called.
pub const TYPES: [&str; 4] = ["kv", "kv-v1", "kv-v2", "generic"];

const VERSION: &str = "version";

fn version(options: &BTreeMap<String, String>) -> Result<u8> {
    match options.get(VERSION).map(String::as_str) {
        None | Some("" | "1") => Ok(1),
        Some("2") => Ok(2),
        Some(other) => {
            Err(Failure::invalid(format!("invalid version provided: {other:?}; a kv mount has version 1 or 2")))
        }
    }
}
