//! Stopping: leadership is handed over, open requests are answered, the store is closed.

use std::time::Duration;

use holdfast_core::replication::Role;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::Server;

const HAND_OVER: Duration = Duration::from_secs(3);
const DRAIN: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(5);

impl Server {
    /// Returns when the process is asked to end.
    pub async fn wait_for_signal(&self) {
        let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = signals else {
            tracing::error!("signals cannot be received; the process ends when it is killed");
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = terminate.recv() => break tracing::info!("asked to end (SIGTERM)"),
                _ = interrupt.recv() => break tracing::info!("asked to end (SIGINT)"),
                _ = hangup.recv() => tracing::warn!("SIGHUP has no effect in this version: nothing is read again"),
            }
        }
    }

    pub async fn stop(self) {
        if matches!(self.node.role(), Role::Active { .. })
            && let Err(problem) = self.cluster.step_down(Instant::now() + HAND_OVER).await
        {
            tracing::warn!(%problem, "leadership could not be handed over");
        }
        self.stop.send_replace(true);
        for listening in self.listening {
            listening.drained(DRAIN).await;
        }
        self.node.barrier.seal();
        self.cluster.shutdown(Instant::now() + CLOSE).await;
        tracing::info!("stopped");
    }
}
