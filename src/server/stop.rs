//! Stopping: clients and load balancers are told, leadership is handed over, open requests are answered, the store is
//! closed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::replication::Role;
use tokio::time::Instant;

use super::signals::{Asked, Signals};
use super::{Reload, Server};

/// How long a probe has to come by, and a client that holds a connection to use it once more and read there that it is
/// to close. Closed at once, a connection may have a request on it that nobody reads any more; and who was sent here
/// meanwhile would meet the node again when it is back and sealed.
const NOTICE: Duration = Duration::from_secs(2);
const HAND_OVER: Duration = Duration::from_secs(3);
const DRAIN: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(5);

impl Server {
    /// Returns when the process is asked to end. On SIGHUP `reload` reads the configuration again; a server without one
    /// has none to read.
    pub async fn wait_for_end(&self, signals: &mut Signals, reload: Option<&Reload>) {
        while signals.next().await == Asked::Reload {
            // Whatever the configuration says now: who has moved the files away waits for it.
            self.node.audit.reopen();
            tracing::info!("SIGHUP: audit files are opened anew");
            if let Some(reload) = reload {
                reload.run(&self.followers);
            }
        }
    }

    pub async fn stop(self) {
        self.leaving.store(true, Ordering::Relaxed);
        // Nobody has to be sent elsewhere by a node that serves nobody, or where there is no elsewhere.
        let notice = if self.node.is_sealed() || self.cluster.members().len() < 2 { Duration::ZERO } else { NOTICE };
        let notice = Instant::now() + notice;
        if matches!(self.node.role(), Role::Active { .. })
            && let Err(problem) = self.cluster.step_down(Instant::now() + HAND_OVER).await
        {
            tracing::warn!(%problem, "leadership could not be handed over");
        }
        tokio::time::sleep_until(notice).await;
        self.stop.send_replace(true);
        for listening in self.listening {
            listening.drained(DRAIN).await;
        }
        if let Some(exporting) = self.exporting {
            exporting.finish().await;
        }
        self.node.barrier.seal();
        self.cluster.shutdown(Instant::now() + CLOSE).await;
        tracing::info!("stopped");
    }
}
