//! SIGHUP: the configuration is read again, and what can follow it does.
//!
//! A configuration that cannot be used changes nothing. Of a good one each part takes what is its own; a part that cannot
//! follow keeps what it had and says so. What else has changed is named: it waits for the next start.

use std::sync::Arc;

use crate::config::{ServerConfig, Sources, Written};
use crate::http::{Face, Serving};
use crate::telemetry::Lines;

/// Something that follows the configuration while it runs.
pub trait Follow: Send + Sync {
    /// For the log: "the listener 127.0.0.1:8200".
    fn name(&self) -> String;

    /// Takes over what is its own, or keeps everything and says why.
    fn follow(&self, config: &ServerConfig) -> Result<(), String>;
}

/// Where the configuration comes from and who follows it.
pub struct Reload {
    sources: Sources,
    written: Written,
}

impl Reload {
    pub fn new(sources: Sources, written: Written) -> Reload {
        Reload { sources, written }
    }

    pub fn run(&self, followers: &[Box<dyn Follow>]) {
        let loaded = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(problem) => {
                tracing::error!(%problem, "SIGHUP: the configuration cannot be used; all stays as it was");
                return;
            }
        };
        for warning in &loaded.warnings {
            tracing::warn!("configuration: {warning}");
        }
        // Compared with the start, not with the last reading: what waits goes on waiting.
        for key in self.written.waiting(&loaded.written) {
            tracing::warn!(key, "SIGHUP: this has changed and waits for the next start");
        }
        for follower in followers {
            match follower.follow(&loaded.config) {
                Ok(()) => tracing::info!(part = follower.name(), "SIGHUP: read again"),
                Err(problem) => {
                    tracing::error!(
                        part = follower.name(),
                        problem,
                        "SIGHUP: cannot be read again; it stays as it was"
                    );
                }
            }
        }
    }
}

impl Follow for &'static Lines {
    fn name(&self) -> String {
        "the log".to_owned()
    }

    fn follow(&self, config: &ServerConfig) -> Result<(), String> {
        self.configure_level(config.log.level);
        self.reopen().map_err(|problem| format!("log_file: {problem}"))
    }
}

impl Follow for Arc<Serving> {
    fn name(&self) -> String {
        format!("the listener {}", self.config.load().endpoint)
    }

    fn follow(&self, config: &ServerConfig) -> Result<(), String> {
        self.reload(config).map_err(|problem| problem.to_string())
    }
}

impl Follow for Arc<Face> {
    fn name(&self) -> String {
        "the log of requests".to_owned()
    }

    fn follow(&self, config: &ServerConfig) -> Result<(), String> {
        self.log.set(config.log.requests);
        Ok(())
    }
}
