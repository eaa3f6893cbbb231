//! What follows once an answer has been audited and before it is sent: what would make auditing it impossible, or may be
//! done only if the answer arrives.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use parking_lot::Mutex;
use sdk::{Act, Answer, Failure, Params, Result};

struct Once<T, F> {
    node: Arc<Node>,
    what: Mutex<Option<T>>,
    run: F,
}

/// For [`Answer::then`]: runs with `what`, once.
pub fn once<T, F, Fut>(node: &Arc<Node>, what: T, run: F) -> Arc<dyn Act>
where
    T: Send + 'static,
    F: Fn(Arc<Node>, T, tokio::time::Instant) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer>> + Send + 'static,
{
    Arc::new(Once { node: Arc::clone(node), what: Mutex::new(Some(what)), run })
}

#[async_trait]
impl<T, F, Fut> Act for Once<T, F>
where
    T: Send + 'static,
    F: Fn(Arc<Node>, T, tokio::time::Instant) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer>> + Send + 'static,
{
    async fn act(&self, _params: &Params, deadline: Instant) -> Result<Answer> {
        let what = self.what.lock().take().ok_or_else(|| Failure::internal("an answer was finished twice"))?;
        (self.run)(Arc::clone(&self.node), what, deadline.into()).await
    }
}
