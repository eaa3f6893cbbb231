//! `sys/rotate`, `sys/rotate/keyring`: a new data key.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Input, Params, Path, Result, Verb};

use super::change_failure;

#[derive(Input)]
struct Nothing {}

struct Rotate(Arc<Node>);

pub fn path(node: &Arc<Node>, pattern: &'static str) -> Path {
    Path::new(pattern)
        .help(
            "Makes a new data key.",
            "Everything written from now on is encrypted with it, on every node. What older keys encrypted stays readable.",
        )
        .sudo()
        .act::<Nothing>(Verb::Write, Rotate(Arc::clone(node)))
}

#[async_trait]
impl Act for Rotate {
    async fn act(&self, _params: &Params, deadline: Instant) -> Result<Answer> {
        self.0.rotate(deadline.into()).await.map_err(change_failure)?;
        Ok(Answer::empty())
    }
}
