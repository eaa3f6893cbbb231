//! Entries posted to a URI, one each. The client is the server's, which knows what certificates to trust.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tokio::runtime::Handle;

use crate::audit::device::{Sink, Written};
use crate::audit::options::HttpTarget;

/// Posts at once: more entries that wait together go one after the other.
const AT_ONCE: usize = 8;
/// The least time for one post, whatever patience is left.
const POST_MIN: Duration = Duration::from_millis(500);

#[async_trait]
pub trait Post: Send + Sync {
    /// Succeeds when the other side has answered with 2xx.
    async fn post(&self, to: &HttpTarget, body: Bytes, within: Duration) -> Result<(), String>;
}

pub struct HttpSink {
    target: HttpTarget,
    client: Arc<dyn Post>,
    runtime: Handle,
}

impl HttpSink {
    pub fn new(target: HttpTarget, client: Arc<dyn Post>, runtime: Handle) -> Self {
        Self { target, client, runtime }
    }
}

impl Sink for HttpSink {
    fn write(&mut self, lines: &[Bytes], patience: Duration) -> Written {
        let within = patience.max(POST_MIN);
        let posts = stream::iter(lines).map(|line| self.client.post(&self.target, line.clone(), within));
        Written::Each(self.runtime.block_on(posts.buffered(AT_ONCE).collect()))
    }
}
