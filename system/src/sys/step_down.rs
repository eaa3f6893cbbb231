//! `sys/step-down`: the active node gives leadership away.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Input, OnSecondary, Params, Path, Result, Verb};

#[derive(Input)]
struct Nothing {}

struct StepDown(Arc<Node>);

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("step-down")
        .on_secondary(OnSecondary::ByOperationToken)
        .ids([(Verb::Write, "step-down-leader")])
        .help("Makes the active node give leadership away.", "It stays out of the next election for ten seconds.")
        .sudo()
        .act::<Nothing>(Verb::Write, StepDown(Arc::clone(node)))
}

#[async_trait]
impl Act for StepDown {
    async fn act(&self, _params: &Params, deadline: Instant) -> Result<Answer> {
        // Nobody to hand over to is nothing to do, as is not leading any more.
        if let Err(problem) = self.0.replication.step_down(deadline.into()).await {
            tracing::info!(%problem, "leadership was not handed over");
        }
        Ok(Answer::empty())
    }
}
