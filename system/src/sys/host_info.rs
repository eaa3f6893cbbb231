//! `sys/host-info`: the machine that the node that was asked runs on.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sdk::{Act, Answer, Input, Map, OnSecondary, Outcome, Params, Path, Result, Value, Verb};

use crate::measures::Measures;

#[derive(Input)]
struct Nothing {}

struct HostInfo(Arc<dyn Measures>);

pub fn path(measures: &Arc<dyn Measures>) -> Path {
    Path::new("host-info/?")
        .on_secondary(OnSecondary::ByOperationToken)
        .help("Shows the machine of this node.", "Processors, memory, the disk that the data is on, the system.")
        .answers(Verb::Read, Outcome::data::<Map<String, Value>>())
        .act::<Nothing>(Verb::Read, HostInfo(Arc::clone(measures)))
}

#[async_trait]
impl Act for HostInfo {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        Nothing::parse(params)?;
        let host = self.0.host();
        Ok(Answer::data(host.facts).warned(host.problems))
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }
}
