//! `sys/monitor`: the log of the node that was asked, as it is written.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sdk::{Act, Answer, Body, Input, OnSecondary, Outcome, Params, Path, PipeWriter, Result, Verb};

use crate::measures::{Lines, Measures};

#[derive(Input)]
struct Wanted {
    /// From which severity on: trace, debug, info, warn or error.
    log_level: Option<String>,
    /// What a line is: standard or json.
    log_format: Option<String>,
}

struct Monitor(Arc<dyn Measures>);

pub fn path(measures: &Arc<dyn Measures>) -> Path {
    Path::new("monitor")
        .on_secondary(OnSecondary::ByOperationToken).ids([(Verb::Read, "monitor")])
        .help(
            "Streams this node's log.",
            "Lines from now on, until whoever asked goes away or the server stops. A reader that is too slow loses lines \
             and is told how many.",
        )
        .sudo()
        .answers(Verb::Read, Outcome::other("text/plain"))
        .act::<Wanted>(Verb::Read, Monitor(Arc::clone(measures)))
}

#[async_trait]
impl Act for Monitor {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let Wanted { log_level, log_format } = Wanted::parse(params)?;
        let lines = self.0.listen(&log_level.unwrap_or_default(), &log_format.unwrap_or_default())?;
        let (writer, pipe) = sdk::pipe();
        tokio::spawn(pump(lines, writer));
        let body = Body::Stream { content_type: "text/plain; charset=utf-8", file_name: None, pipe };
        Ok(Answer { body, ..Answer::empty() })
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }
}

/// Ends with whoever reads. How long they may take nothing is the connection's business.
async fn pump(mut lines: Box<dyn Lines>, writer: PipeWriter) {
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = writer.closed() => return,
        };
        let Some(line) = line else { break };
        if writer.send(line).await.is_err() {
            return;
        }
    }
    // Whoever reads may be gone as well.
    let _ = writer.finish().await;
}
