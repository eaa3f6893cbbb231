//! Keeping the wrap of the root key under the seal's present key, so that a former one can be given up.

use bytes::Bytes;
use tokio::time::Instant;

use super::{ChangeError, Node};
use crate::space;

impl Node {
    /// On the active node. A cluster without a wrap of this seal's kind is left as it is.
    pub(super) async fn keep_wrap(&self, deadline: Instant) -> Result<(), ChangeError> {
        let Some(seal) = &self.seal else { return Ok(()) };
        if self.is_wrapped_by(&seal.key_id())? {
            return Ok(());
        }
        let _one_at_a_time = self.changing.lock().await;
        let term = self.leading()?;
        let mut batch = self.change()?;
        let Some((_, mut wraps)) = self.stored_seal()? else { return Ok(()) };
        wraps.replace(self.barrier.wrap(seal.as_ref(), None).await?);
        let wraps = serde_json::to_vec(&wraps).map_err(|e| ChangeError::Broken(e.to_string()))?;
        batch.puts.push((space::seal_wraps(), Bytes::from(wraps)));
        self.carry(term, batch, deadline).await?;
        tracing::info!(key_id = seal.key_id(), "the root key was wrapped by the seal's present key");
        Ok(())
    }

    /// Whether there is nothing to do: the wrap is by that key, or there is none of this kind.
    fn is_wrapped_by(&self, key_id: &str) -> Result<bool, ChangeError> {
        let stored = self.stored_seal()?;
        let wrap = stored.as_ref().and_then(|(_, wraps)| wraps.of_kind(self.configured_seal()));
        Ok(wrap.is_none_or(|wrap| wrap.key_id == key_id))
    }
}
