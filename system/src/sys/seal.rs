//! `sys/seal`: seals the node that got the request.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Input, Params, Path, Result, Verb};

#[derive(Input)]
struct Nothing {}

struct Seal(Arc<Node>);

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("seal")
        .help("Seals this node.", "The node forgets every key. If it was active, another one takes over first.")
        .sudo()
        .act::<Nothing>(Verb::Write, Seal(Arc::clone(node)))
}

#[async_trait]
impl Act for Seal {
    async fn act(&self, _params: &Params, _deadline: Instant) -> Result<Answer> {
        // The answer still has to be audited with a key that sealing wipes.
        Ok(Answer { then: Some(Arc::new(SealNow(Arc::clone(&self.0)))), ..Answer::empty() })
    }

    fn here(&self) -> bool {
        true
    }
}

struct SealNow(Arc<Node>);

#[async_trait]
impl Act for SealNow {
    async fn act(&self, _params: &Params, deadline: Instant) -> Result<Answer> {
        self.0.seal(deadline.into()).await;
        Ok(Answer::empty())
    }
}
