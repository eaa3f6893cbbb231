//! `vault.expire.num_leases`: how many leases there are.
//!
//! No record holds the number, which every login would have to change. Each unsealed node walks over its own index of
//! what is due, a page a second, and starts again when it is through. So the gauge lags by a second for each page of
//! leases, and a large index costs no more than a small one.

use std::sync::Arc;
use std::time::Duration;

use storage::{Access, PathKey};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::due;
use crate::lifecycle::Node;

const PAUSE: Duration = Duration::from_secs(1);
const PAGE: usize = 2000;

/// Counts until `stop` becomes true.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut walk = Walk::new(PAGE);
    loop {
        if node.is_sealed() {
            // It cannot look, and what it saw last is no longer so.
            walk = Walk::new(PAGE);
            show(0);
        } else if let Ok(Some(leases)) = walk.step(&node) {
            // What cannot be read now is looked at again.
            show(leases);
        }
        if timeout(PAUSE, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

fn show(leases: usize) {
    metrics::gauge!("vault.expire.num_leases").set(leases as f64);
}

/// A walk over the index, round after round.
struct Walk {
    page: usize,
    after: Option<PathKey>,
    counted: usize,
    /// Up to where the log was applied when this round began.
    began: u64,
    /// The same, of the last complete round: as long as nothing is written there is nothing to count.
    done: Option<u64>,
}

impl Walk {
    fn new(page: usize) -> Self {
        Self { page, after: None, counted: 0, began: 0, done: None }
    }

    /// One page. Answers the number when a round is complete.
    fn step(&mut self, node: &Node) -> Result<Option<usize>, Access> {
        if self.after.is_none() {
            (self.counted, self.began) = (0, node.store.applied());
            if self.done == Some(self.began) {
                return Ok(None);
            }
        }
        let page = due::next(&node.local_view()?, self.after.as_ref(), self.page)?;
        self.counted += page.iter().filter(|(_, key)| due::is_lease(key)).count();
        self.after = page.last().filter(|_| page.len() == self.page).map(|(_, key)| key.clone());
        if self.after.is_some() {
            return Ok(None);
        }
        self.done = Some(self.began);
        Ok(Some(self.counted))
    }
}
