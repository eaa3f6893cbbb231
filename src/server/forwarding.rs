//! The active node's end of forwarding: sealed messages in, sealed messages out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::ForwardHandler;
use holdfast_core::service::Service;
use storage::RequestId;
use tokio::time::Instant;

/// The sender has its own deadline, which may be shorter.
const RUN_MAX: Duration = Duration::from_secs(90);

/// The cluster's node is opened before the service that it forwards to can be made.
pub struct Forwarding {
    service: Arc<OnceLock<Arc<Service>>>,
}

impl Forwarding {
    pub fn new(service: &Arc<OnceLock<Arc<Service>>>) -> Self {
        Self { service: Arc::clone(service) }
    }
}

#[async_trait]
impl ForwardHandler for Forwarding {
    /// An empty answer says that nothing was done: this node is sealed or not ready.
    async fn handle(&self, id: RequestId, _from: u64, payload: Bytes) -> Bytes {
        let Some(service) = self.service.get() else { return Bytes::new() };
        service.serve_forwarded(id, &payload, Instant::now() + RUN_MAX).await.unwrap_or_default()
    }

    async fn unseal(&self, from: u64, question: Bytes) -> Result<Bytes, String> {
        let service = self.service.get().ok_or("it is starting")?;
        service.node().lend(from, &question).await.map(Bytes::from)
    }

    async fn welcome(&self, secondary: &str, from: u64, question: Bytes) -> Result<Bytes, String> {
        let service = self.service.get().ok_or("it is starting")?;
        service.node().welcome(secondary, from, &question).await.map(Bytes::from)
    }
}
