//! What is asked for, and where it lies.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn, View};

use super::Folders;
use crate::space;

/// How many there may be.
const CONFIGS_MAX: usize = 100;
const RETAIN_MAX: u32 = 10_000;
const NAME_MAX: usize = 128;
/// Behind a prefix stand a number and an ending, and a file's name has 255 bytes.
const PREFIX_MAX: usize = 128;
const INTERVAL_MIN: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoConfig {
    /// Seconds.
    pub interval: u64,
    /// So many files are kept.
    pub retain: u32,
    /// The folder.
    pub path_prefix: String,
    pub file_prefix: String,
    /// Bytes that the kept files may have together.
    pub local_max_space: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Access(#[from] Access),
}

fn refused<T>(text: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Refused(text.into()))
}

impl AutoConfig {
    pub const FILE_PREFIX: &'static str = "vault-snapshot";
    pub const LOCAL: &'static str = "local";

    /// Whether this node could write to the folder now. Blocks.
    pub fn try_folder(&self, folders: &Folders, name: &str) -> Result<(), ConfigError> {
        self.check(name)?;
        folders
            .try_out(&self.path_prefix, &self.file_prefix)
            .or_else(|problem| refused(format!("path_prefix: {problem}")))
    }

    /// Checks it and writes it.
    pub fn write(&self, txn: &mut Txn, folders: &Folders, name: &str) -> Result<(), ConfigError> {
        self.check(name)?;
        if let Err(problem) = folders.allow(&self.path_prefix) {
            return refused(format!("path_prefix: {problem}"));
        }
        let others = names(txn)?;
        if others.len() >= CONFIGS_MAX && !others.iter().any(|other| other == name) {
            return refused(format!("there are {CONFIGS_MAX} of these already; delete one"));
        }
        for other in others.iter().filter(|other| *other != name) {
            let Some(known) = read(txn, other)? else { continue };
            if known.path_prefix.trim_end_matches('/') == self.path_prefix.trim_end_matches('/')
                && known.file_prefix == self.file_prefix
            {
                return refused(format!(
                    "{other:?} writes files of the same file_prefix to the same path_prefix, and each would delete the \
                     other's: choose another file_prefix"
                ));
            }
        }
        Ok(txn.put(&key(name), self)?)
    }

    fn check(&self, name: &str) -> Result<(), ConfigError> {
        let plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if name.is_empty() || name.len() > NAME_MAX || !plain(name) {
            return refused(format!("a name has 1 to {NAME_MAX} letters, digits, dots, dashes and underscores"));
        }
        let prefix = &self.file_prefix;
        if prefix.is_empty() || prefix.len() > PREFIX_MAX || !plain(prefix) || prefix.starts_with('.') {
            return refused(format!(
                "file_prefix has 1 to {PREFIX_MAX} letters, digits, dots, dashes and underscores, no dot first"
            ));
        }
        if !(INTERVAL_MIN.as_secs()..=INTERVAL_MAX.as_secs()).contains(&self.interval) {
            return refused("interval is required: how often a backup is made, such as \"24h\", at least 1s");
        }
        if self.retain == 0 || self.retain > RETAIN_MAX {
            return refused(format!("retain must be 1 to {RETAIN_MAX}"));
        }
        if self.local_max_space == 0 {
            return refused("local_max_space is required: how many bytes the backups may take together");
        }
        Ok(())
    }
}

fn folder() -> PathKey {
    PathKey::kind("snapshot-auto")
}

/// In the root namespace's records, so that a restore brings it back.
pub fn key(name: &str) -> PathKey {
    folder().name(name)
}

/// In the order of the alphabet.
pub fn names(read: &impl Read) -> Result<Vec<String>, Access> {
    read.list(&folder())
}

pub fn read(read: &impl Read, name: &str) -> Result<Option<AutoConfig>, Access> {
    read.get(&key(name))
}

/// The same records, seen from anywhere.
pub(super) fn records(view: &View) -> View {
    view.elsewhere(space::records(&sdk::NamespaceId::root()))
}
