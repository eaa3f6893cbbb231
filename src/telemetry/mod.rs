//! Log lines: where they go and how they look.
//!
//! Lines go to standard error. Each carries the fields of the spans it was written in, the request's id among them;
//! the span itself is opened where a request enters. What must never be in a line is not filtered here: secrets live in
//! types that cannot be formatted.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogLevel, LogSettings};

/// Libraries whose chatter says nothing to an operator, and from which level on they are heard. Consensus warns of each
/// call that an absent node does not answer, several times a second; the cluster says once that the node is gone.
const QUIET: &[(&str, LevelFilter)] = &[
    ("h2", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
    ("hyper_util", LevelFilter::WARN),
    ("openraft", LevelFilter::ERROR),
    ("rustls", LevelFilter::WARN),
    ("tonic", LevelFilter::WARN),
    ("tower", LevelFilter::WARN),
];

/// From now on lines are written. Of several calls in one process the first counts.
pub fn start(settings: LogSettings) {
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter(settings.level))
        .with_ansi(std::io::stderr().is_terminal());
    // Only a test starts twice in one process; its first choice is as good.
    let _ = match settings.format {
        LogFormat::Standard => lines.try_init(),
        // Fields at the top of the object, as Vault writes them, and the innermost span's beside them.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

fn filter(level: LogLevel) -> EnvFilter {
    let of_all = match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let mut filter = EnvFilter::default().add_directive(of_all.into());
    if level != LogLevel::Trace {
        for (library, heard_from) in QUIET {
            // The texts are constants of this file, and all of them are directives.
            let directive = format!("{library}={}", of_all.min(*heard_from)).parse();
            filter = directive.map_or(filter.clone(), |directive| filter.add_directive(directive));
        }
    }
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_asked_for_everything() {
        let text = filter(LogLevel::Debug).to_string();
        assert!(text.contains("openraft=error") && text.contains("h2=warn") && text.contains("debug"), "{text}");
        assert!(filter(LogLevel::Error).to_string().contains("h2=error"));
        assert_eq!(filter(LogLevel::Trace).to_string(), "trace");
    }
}
