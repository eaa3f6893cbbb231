//! Unsealing without anybody there: a node with a seal of its own opens the root key as soon as it has the state.
//!
//! It happens once: a node that is sealed by request later stays sealed until shares are given or it is started anew.

use std::sync::Arc;
use std::time::Duration;

use barrier::SealKind;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Node;

/// How often a node that has no state yet looks for it.
const LOOK: Duration = Duration::from_millis(200);
/// The first pause after a failure; it doubles up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(30);

impl Node {
    /// What it was configured to unseal with; without a seal of its own, operators' shares.
    pub fn configured_seal(&self) -> SealKind {
        self.seal.as_ref().map_or(SealKind::Shamir, |seal| seal.kind())
    }

    pub fn unseals_itself(&self) -> bool {
        self.seal.is_some()
    }

    /// Tries until the node is unsealed, by this or by shares, or until it stops.
    pub async fn unseal_itself(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(seal) = self.seal.clone() else { return };
        let mut retry = RETRY_FIRST;
        while self.is_sealed() && self.out().is_none() {
            let mut pause = LOOK;
            if self.has_state() {
                match self.open(seal.as_ref()).await {
                    Ok(()) => return,
                    Err(problem) => {
                        tracing::error!(seal = seal.kind().name(), %problem, again_in = ?retry, "the node did not unseal itself");
                        pause = retry;
                        retry = (retry * 2).min(RETRY_LAST);
                    }
                }
            }
            if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    /// Whether everything that unsealing needs has arrived.
    pub(super) fn has_state(&self) -> bool {
        let keyring = self.raw(&crate::space::keyring());
        matches!(self.stored_seal(), Ok(Some(_))) && matches!(keyring, Ok(Some(_)))
    }
}
