//! `sys/seal`: seals the node that got the request.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Input, OnSecondary, Params, Path, Result, Verb};

use super::once::once;

#[derive(Input)]
struct Nothing {}

struct Seal(Arc<Node>);

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("seal")
        .on_secondary(OnSecondary::ByOperationToken)
        .ids([(Verb::Write, "seal")])
        .help("Seals this node.", "The node forgets every key. If it was active, another one takes over first.")
        .sudo()
        .act::<Nothing>(Verb::Write, Seal(Arc::clone(node)))
}

#[async_trait]
impl Act for Seal {
    async fn act(&self, _params: &Params, _deadline: Instant) -> Result<Answer> {
        // The answer still has to be audited with a key that sealing wipes.
        Ok(Answer::empty().then(once(&self.0, (), now)))
    }

    fn here(&self) -> bool {
        true
    }
}

async fn now(node: Arc<Node>, (): (), deadline: tokio::time::Instant) -> Result<Answer> {
    node.seal(deadline).await;
    Ok(Answer::empty())
}
