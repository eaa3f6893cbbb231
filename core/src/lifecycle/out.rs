//! A node that is out of its cluster for good: it was removed, or its state is not that of the others. It forgets every key,
//! and says what it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Node;

/// What is being answered at that moment, the request that removed this node for one, needs keys to be audited.
const GRACE: Duration = Duration::from_secs(2);
const SEAL_MAX: Duration = Duration::from_secs(5);

/// What a node answers that was removed.
const REMOVED: &str = "this node was removed from its cluster; ask another, or empty its data folder and start it \
                       anew to let it join again";

/// What one answers whose state differs.
const DIVERGED: &str = "this node has stopped because its state is not that of the others; ask another; keep its data \
                        folder. If the others go on, start it anew with an empty one to let it join again; if all have \
                        stopped, this may be the state that is right: choose one with `operator raft recover`";

impl Node {
    pub fn is_removed(&self) -> bool {
        *self.replication.removed().borrow()
    }

    /// Where and from whom its state differs, if it does.
    pub fn divergence(&self) -> Option<Arc<str>> {
        self.replication.diverged().borrow().clone()
    }

    /// What this node answers instead of serving, if it is out of its cluster.
    pub fn out(&self) -> Option<&'static str> {
        match self.is_removed() {
            true => Some(REMOVED),
            false => self.replication.diverged().borrow().is_some().then_some(DIVERGED),
        }
    }

    /// Seals the node once it is out.
    pub async fn heed_exclusion(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let (mut removed, mut diverged) = (self.replication.removed(), self.replication.diverged());
        let grace = tokio::select! {
            removed = removed.wait_for(|removed| *removed) => if removed.is_ok() { GRACE } else { return },
            // What it answers may be wrong.
            diverged = diverged.wait_for(Option::is_some) => if diverged.is_ok() { Duration::ZERO } else { return },
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if timeout(grace, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
        if !self.is_sealed() {
            self.seal(Instant::now() + SEAL_MAX).await;
        }
    }
}
