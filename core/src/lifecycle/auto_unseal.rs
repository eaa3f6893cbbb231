//! Unsealing without anybody there: a node with seals of its own opens the root key as soon as it has the state, by any of them.
//!
//! It happens once: a node that is sealed by request later stays sealed until shares are given or it is started anew.

use std::sync::Arc;
use std::time::Duration;

use barrier::{Keyring, RootKey};
use tokio::sync::watch;
use tokio::time::timeout;

use super::seals::with_chance;
use super::{Node, UnsealError};

/// How often a node looks for what it has to wait for.
const LOOK: Duration = Duration::from_millis(200);
/// The first pause after a failure; it doubles up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(10);

impl Node {
    /// Tries until the node is unsealed, by this or by shares, or until it stops.
    pub async fn unseal_itself(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.seals.any() && matches!(self.stored_seal(), Ok(Some((config, _))) if config.shares() == 0) {
            tracing::error!(
                "nothing unseals this node: the cluster has no key shares, and the configuration no seal of it in use"
            );
        }
        let (mut retry, mut waits) = (RETRY_FIRST, false);
        let sealings = self.sealings();
        while self.seals.any() && self.is_sealed() && self.sealings() == sealings && self.out().is_none() {
            let mut pause = LOOK;
            if !self.is_wrapped_for_seals() {
                // Until shares come, or a member whose configuration has these seals too is active.
                if self.has_state() && !std::mem::replace(&mut waits, true) {
                    tracing::warn!("no seal of this node's configuration guards this cluster: it waits for shares");
                }
            } else if self.has_state() {
                match self.open_by_seals(sealings).await {
                    Ok(()) => return,
                    Err(problem) => {
                        pause = with_chance(retry);
                        tracing::error!(%problem, again_in = ?pause, "the node did not unseal itself");
                        retry = (retry * 2).min(RETRY_LAST);
                    }
                }
            }
            if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    /// Unless the node was sealed by request since.
    pub(super) async fn open_by_seals(&self, sealings: u64) -> Result<(), UnsealError> {
        let failed = |e: storage::StoreError| UnsealError::Failed(e.to_string());
        let (_, wraps) = self.stored_seal().map_err(failed)?.ok_or(UnsealError::NotInitialised)?;
        let keyring = self.raw(&crate::space::keyring()).map_err(failed)?.unwrap_or_default();
        let fits = |root: &RootKey| Keyring::open_with(root, &keyring).is_ok();
        self.open_with(self.seals.open(&wraps, fits).await.map_err(UnsealError::Failed)?, sealings)
    }

    fn is_wrapped_for_seals(&self) -> bool {
        matches!(self.stored_seal(), Ok(Some((_, wraps))) if self.seals.may_open(&wraps))
    }

    /// Whether everything that unsealing needs has arrived.
    pub(super) fn has_state(&self) -> bool {
        let keyring = self.raw(&crate::space::keyring());
        matches!(self.stored_seal(), Ok(Some(_))) && matches!(keyring, Ok(Some(_)))
    }
}
