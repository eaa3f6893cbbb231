//! `sys/config/state/sanitized`: how the node that was asked is configured, without what is secret.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sdk::{Act, Answer, Input, Map, OnSecondary, Outcome, Params, Path, Result, Value, Verb};

use crate::measures::Measures;

#[derive(Input)]
struct Nothing {}

struct Configuration(Arc<dyn Measures>);

pub fn path(measures: &Arc<dyn Measures>) -> Path {
    Path::new("config/state/sanitized")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Shows how this node is configured.",
            "As it was started. Keys, certificates and credentials are left out.",
        )
        .answers(Verb::Read, Outcome::data::<Map<String, Value>>())
        .act::<Nothing>(Verb::Read, Configuration(Arc::clone(measures)))
}

#[async_trait]
impl Act for Configuration {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        Nothing::parse(params)?;
        Ok(Answer::data(self.0.configuration()))
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }
}
