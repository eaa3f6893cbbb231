//! `sys/metrics`: what the process that got the request has measured.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sdk::{Act, Answer, Body, Input, Map, OnSecondary, Outcome, Params, Path, Result, Value, Verb};

use crate::measures::{Measures, show};

#[derive(Input)]
struct Shown {
    /// Empty for JSON, or `prometheus`.
    format: Option<String>,
}

struct Metrics(Arc<dyn Measures>);

pub fn path(measures: &Arc<dyn Measures>) -> Path {
    Path::new("metrics")
        .on_secondary(OnSecondary::ByOperationToken)
        .ids([(Verb::Read, "metrics")])
        .help("Shows this node's metrics.", "As JSON, or with format=prometheus as Prometheus reads them.")
        .answers(Verb::Read, Outcome::body::<Map<String, Value>>())
        .act::<Shown>(Verb::Read, Metrics(Arc::clone(measures)))
}

#[async_trait]
impl Act for Metrics {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let wanted = Shown::parse(params)?;
        let shown = show(self.0.as_ref(), wanted.format.as_deref().unwrap_or_default());
        let body = Body::Raw { content_type: shown.content_type, bytes: shown.bytes };
        Ok(Answer { body, ..Answer::empty() }.status(shown.status))
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }
}
