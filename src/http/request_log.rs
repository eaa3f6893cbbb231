//! `log_requests_level`: a line in the log for each request that was answered.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::config::LogLevel;

/// Who asked for what, and how it went.
pub struct Answered<'a> {
    pub method: &'a str,
    /// As it was sent, without parameters.
    pub path: &'a str,
    pub remote: Option<std::net::SocketAddr>,
    pub status: u16,
    pub took: Duration,
}

/// At which level, which SIGHUP may change. Zero is off.
#[derive(Default)]
pub struct RequestLog(AtomicU8);

const LEVELS: [LogLevel; 5] = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

impl RequestLog {
    pub fn set(&self, level: Option<LogLevel>) {
        let place = level.and_then(|level| LEVELS.iter().position(|known| *known == level));
        self.0.store(place.map_or(0, |place| place as u8 + 1), Ordering::Relaxed);
    }

    pub fn write(&self, of: &Answered<'_>) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_method = of.method,
                    request_path = of.path,
                    client_address = of.remote.map(tracing::field::display),
                    status_code = of.status,
                    duration_ms = of.took.as_millis() as u64,
                    "completed_request"
                )
            };
        }
        match usize::from(self.0.load(Ordering::Relaxed)).checked_sub(1).and_then(|place| LEVELS.get(place)) {
            None => {}
            Some(LogLevel::Trace) => line!(trace),
            Some(LogLevel::Debug) => line!(debug),
            Some(LogLevel::Info) => line!(info),
            Some(LogLevel::Warn) => line!(warn),
            Some(LogLevel::Error) => line!(error),
        }
    }
}
