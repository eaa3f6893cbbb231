//! Rotation: a new data key. What older keys wrote stays readable.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Millis, PathKey};
use tokio::time::Instant;

use super::{ChangeError, Node};
use crate::space;

/// When a rotation happens by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationConfig {
    /// So many encryptions with one data key.
    pub max_operations: u64,
    /// Seconds that one data key is used for; zero: no limit.
    pub interval: u64,
    pub enabled: bool,
}

impl RotationConfig {
    pub const MAX_OPERATIONS_MIN: u64 = 1_000_000;
    /// Nine tenths of what one key of AES-GCM with random nonces may encrypt (2³²).
    pub const MAX_OPERATIONS_MAX: u64 = 3_865_470_566;
    pub const INTERVAL_MIN: Duration = Duration::from_secs(24 * 3600);
}

impl Default for RotationConfig {
    fn default() -> Self {
        Self { max_operations: Self::MAX_OPERATIONS_MAX, interval: 0, enabled: true }
    }
}

/// Where the configuration is, in the root namespace's records.
pub fn rotation_key() -> PathKey {
    PathKey::kind("rotation")
}

/// What may be told about the data key in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    pub term: u32,
    pub installed: Millis,
    pub encryptions: u64,
}

impl Node {
    /// Adds a data key and seals with it from now on. On the active node.
    pub async fn rotate(&self, deadline: Instant) -> Result<(), ChangeError> {
        let _one_at_a_time = self.changing.lock().await;
        let term = self.leading()?;
        let mut batch = self.change()?;
        let next = self.barrier.rotated(self.replication.now())?;
        batch.puts.push((space::keyring(), Bytes::from(next.bytes)));
        self.carry(term, batch, deadline).await?;
        tracing::info!(term = next.active_term, "the data key was rotated");
        Ok(())
    }

    pub fn key_status(&self) -> Result<KeyStatus, ChangeError> {
        let terms = self.barrier.terms().map_err(|_| ChangeError::Sealed)?;
        // The keyring's newest term is the active one, and there always is one.
        let active = terms.last().ok_or_else(|| ChangeError::Broken("the keyring is empty".into()))?;
        let encryptions = self.usage.lock().count(active.term, active.encryptions);
        Ok(KeyStatus { term: active.term, installed: active.installed, encryptions })
    }
}
