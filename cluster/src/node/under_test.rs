//! What a test asks of a running node that nobody else may.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Node;
use crate::shared::members;

impl Node {
    /// Makes a snapshot of the state as it is now and forgets the log up to it, so that who lags behind that needs the
    /// snapshot. Answers with the index.
    pub async fn compact(&self, deadline: Instant) -> Result<u64, String> {
        let shared = &self.shared;
        let stopped = |_| "consensus has stopped".to_owned();
        let wanted = shared.applied().map_or(0, |id| id.index);
        shared.raft.trigger().snapshot().await.map_err(stopped)?;
        loop {
            let built = shared.metrics().snapshot.map_or(0, |id| id.index);
            if built >= wanted {
                shared.raft.trigger().purge_log(built).await.map_err(stopped)?;
                return Ok(built);
            }
            if Instant::now() >= deadline {
                return Err(format!("the snapshot is at {built}, and {wanted} was wanted"));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives leadership to the member of this name, fit for it or not.
    pub async fn transfer_to(&self, name: &str) -> Result<(), String> {
        let stored = self.shared.membership();
        let member = members(stored.membership()).into_iter().find(|(_, member)| member.name == name);
        let (id, _) = member.ok_or_else(|| format!("no member is called {name:?}"))?;
        if !self.shared.leadership.borrow().leads() {
            return Err("this node does not lead".to_owned());
        }
        self.shared.transfer(id).await.then_some(()).ok_or_else(|| "consensus has stopped".to_owned())
    }
}
