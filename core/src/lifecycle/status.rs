//! What a node says about its seal.

use std::sync::Arc;

use barrier::SealKind;

use super::Node;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealStatus {
    /// Of what guards the root key; before there is a cluster, of what would.
    pub kind: SealKind,
    pub initialised: bool,
    pub sealed: bool,
    /// Shares needed, and shares there are.
    pub threshold: u8,
    pub shares: u8,
    /// Shares given so far.
    pub progress: usize,
    /// Names the attempt in progress.
    pub nonce: String,
    /// Whether the configuration asks for another seal than the cluster has.
    pub migration: bool,
    /// Whether the cluster has removed this node.
    pub removed: bool,
    /// Why this node has stopped, if its state is not that of the others.
    pub diverged: Option<Arc<str>>,
}

impl Node {
    pub fn seal_status(&self) -> Result<SealStatus, storage::StoreError> {
        let config = self.seal_config()?;
        let migration = self.migration_is_pending()?;
        let unsealing = self.unsealing.lock();
        Ok(SealStatus {
            kind: config.as_ref().map_or(self.configured_seal(), barrier::SealConfig::kind),
            initialised: self.is_initialised(),
            sealed: self.is_sealed(),
            threshold: config.as_ref().map_or(0, barrier::SealConfig::threshold),
            shares: config.as_ref().map_or(0, barrier::SealConfig::shares),
            progress: unsealing.given(),
            nonce: unsealing.nonce().to_owned(),
            migration,
            removed: self.is_removed(),
            diverged: self.divergence(),
        })
    }

    /// The stored one, or that of the cluster which this node is about to join.
    pub(super) fn seal_config(&self) -> Result<Option<barrier::SealConfig>, storage::StoreError> {
        if let Some((config, _)) = self.stored_seal()? {
            return Ok(Some(config));
        }
        Ok(self.joining.lock().as_ref().map(|pending| pending.seal.clone()))
    }
}
