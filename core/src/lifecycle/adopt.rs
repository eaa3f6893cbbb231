//! Guarding another cluster's root key by what this cluster has: its shares become that one's, its seals stay its own.
//!
//! | that cluster | this cluster | what unseals this one afterwards |
//! |---|---|---|
//! | shares | shares | that one's shares |
//! | shares | a seal | its own seal; that one's shares are the recovery keys |
//! | a seal | a seal | its own seal; recovery keys are that one's |
//! | a seal | shares | that one's recovery keys |

use barrier::{JoinKey, RootKey, SealConfig, SealKind, Wrap, WrappedRoot};
use bytes::Bytes;
use storage::RawKey;
use tokio::time::Instant;

use super::Node;
use crate::dr::DrError;

impl Node {
    /// The wraps of that root key, and the configuration that goes with them.
    pub(crate) async fn adopt_root(
        &self,
        root: &RootKey,
        join: &JoinKey,
        theirs: &SealConfig,
        wrap: Option<Wrap>,
    ) -> Result<(SealConfig, WrappedRoot), DrError> {
        let (shares, threshold, nonce) =
            (i64::from(theirs.shares()), i64::from(theirs.threshold()), theirs.nonce().to_owned());
        let stored = self.stored_seal().map_err(|problem| DrError::Unavailable(problem.to_string()))?;
        let mut wraps = WrappedRoot::new(wrap.into_iter().collect());
        // A seal that this cluster has left stays left.
        wraps.without = stored.map(|(_, wraps)| wraps.without).unwrap_or_default();
        let own = self.wrapped_by_seals(root, join, &wraps.without).await;
        for wrap in own.map_err(|why| DrError::Unavailable(format!("the root key was not wrapped: {why}")))? {
            wraps.replace(wrap);
        }
        let mut used = self.seals.enabled().filter(|seal| wraps.of(&seal.name).is_some());
        let config = match used.next().map_or(SealKind::Shamir, |seal| seal.seal.kind()) {
            SealKind::Shamir => SealConfig::shamir(shares, threshold, nonce),
            kind => SealConfig::automatic(kind, shares, threshold, nonce),
        };
        let config = config.map_err(|e| DrError::Refused(format!("the primary's shares cannot be taken over: {e}")))?;
        Ok((config, wraps))
    }

    /// The same root key from now on by other shares: those of a primary that has made new ones.
    pub(crate) async fn replace_wraps(&self, puts: Vec<(RawKey, Bytes)>, deadline: Instant) -> Result<(), DrError> {
        let _one_at_a_time = self.changing.lock().await;
        let term = self.leading()?;
        let mut batch = self.change()?;
        batch.puts = puts;
        Ok(self.carry(term, batch, deadline).await?)
    }
}
