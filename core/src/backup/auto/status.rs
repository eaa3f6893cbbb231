//! What became of the backups so far. The cluster's own: a restore brings back none of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::{Access, Class, Millis, Path, PathKey, Read, View};

use super::AutoConfig;

/// All times are the cluster's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoStatus {
    /// When the last attempt began and ended.
    pub started: Option<Millis>,
    pub ended: Option<Millis>,
    /// Why the last attempt came to nothing.
    pub error: Option<String>,
    /// Attempts in a row that came to nothing.
    pub failures: u32,
    /// The last backup: when its making began, where it is, how large.
    pub good: Option<Good>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    pub at: Millis,
    pub url: String,
    pub bytes: u64,
}

impl AutoStatus {
    /// When the next attempt begins. After a failure it is earlier, and then less and less so.
    pub fn due(&self, config: &AutoConfig) -> Millis {
        let Some(started) = self.started else { return Millis(0) };
        let interval = Duration::from_secs(config.interval);
        let wait = match self.failures {
            0 => interval,
            n => interval.min(RETRY.saturating_mul(1 << (n - 1).min(10))),
        };
        Millis(started.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    pub fn read(view: &View, name: &str) -> Result<Self, Access> {
        Ok(view.elsewhere(space()).get(&key(name))?.unwrap_or_default())
    }
}

/// The folder of all of them.
pub(super) fn space() -> Path {
    Path::root(Class::Local).join(&PathKey::new().plain("snapshot-auto"))
}

pub(super) fn key(name: &str) -> PathKey {
    PathKey::kind("status").name(name)
}

/// Of a configuration that is deleted.
pub fn forget(txn: &mut storage::Txn, name: &str) {
    txn.elsewhere(space()).delete(&key(name));
}

const RETRY: Duration = Duration::from_secs(60);
