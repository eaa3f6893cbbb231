//! What a node does when it learns that its cluster has removed it: it forgets every key, and says what it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Node;

/// What is being answered at that moment, the request that removed this node for one, needs keys to be audited.
const GRACE: Duration = Duration::from_secs(2);
const SEAL_MAX: Duration = Duration::from_secs(5);

/// What such a node answers.
pub const REMOVED: &str = "this node was removed from its cluster; ask another, or empty its data folder and start it \
                           anew to let it join again";

impl Node {
    pub fn is_removed(&self) -> bool {
        *self.replication.removed().borrow()
    }

    /// Seals the node once it is removed.
    pub async fn heed_removal(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut removed = self.replication.removed();
        tokio::select! {
            removed = removed.wait_for(|removed| *removed) => if removed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if timeout(GRACE, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
        if !self.is_sealed() {
            self.seal(Instant::now() + SEAL_MAX).await;
        }
    }
}
