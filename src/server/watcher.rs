//! Who watches this process's log over HTTP.

use async_trait::async_trait;
use bytes::Bytes;
use sdk::Failure;
use system::measures::Lines;
use tokio::sync::watch;

use crate::config::{LogFormat, LogLevel};
use crate::telemetry::{self, Listener};

/// Gets lines until the server stops, which would wait for it otherwise.
pub struct Watcher {
    lines: Listener,
    stop: watch::Receiver<bool>,
}

impl Watcher {
    pub fn new(level: &str, format: &str, stop: watch::Receiver<bool>) -> sdk::Result<Watcher> {
        let unknown = |what, given, wanted| Failure::Invalid(format!("unknown {what} {given:?}: {wanted}"));
        let level = LogLevel::parse(level).ok_or_else(|| unknown("log_level", level, LogLevel::WANTED))?;
        let format = LogFormat::parse(format).ok_or_else(|| unknown("log_format", format, LogFormat::WANTED))?;
        let Some(log) = telemetry::lines_of_this_process() else {
            return Err(Failure::NoSuch("this server writes no log".to_owned()));
        };
        let lines = log.monitors.of(format).listen(level).ok_or_else(|| {
            Failure::Unavailable("as many watch this node's log as may at once; try again when one has left".to_owned())
        })?;
        Ok(Watcher { lines, stop })
    }
}

#[async_trait]
impl Lines for Watcher {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            line = self.lines.next() => line,
            _ = self.stop.wait_for(|stop| *stop) => None,
        }
    }
}
