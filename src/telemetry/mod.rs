//! What the process tells of itself: log lines, metrics, traces, and log lines for those who listen over HTTP.
//!
//! Lines go to standard error, and to a file if one is named. Each carries the fields of the spans it was written in, the request's id among them;
//! the span itself is opened where a request enters. What must never be in a line is not filtered here: secrets live in
//! types that cannot be formatted.

mod file;
mod levels;
pub mod metrics;
mod monitor;
pub mod traces;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, stderr};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry, reload};

use crate::config::{LogFormat, LogLevel, LogSettings};
use file::RotatedFile;
use levels::Levels;
pub use monitor::{Listener, Monitor, Monitors};

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

/// What can be asked of the lines once they are written.
pub struct Lines {
    switch: Switch,
    levels: Mutex<Levels>,
    file: Option<RotatedFile>,
    pub monitors: Monitors,
}

static LINES: OnceLock<Lines> = OnceLock::new();

/// From now on lines are written. Of several calls in one process the first counts.
pub fn start(settings: &LogSettings) -> io::Result<&'static Lines> {
    let file = settings.file.as_ref().map(RotatedFile::open).transpose()?;
    Ok(LINES.get_or_init(|| {
        let to_person = lines(settings.format, stderr, stderr().is_terminal());
        let to_file = file.clone().map(|file| lines(settings.format, file, false));
        let both = to_file.into_iter().chain([to_person]).collect::<Vec<_>>().boxed();
        let levels = Levels::new(settings.level);
        let (log, switch) = switched(both, levels.filter());
        let (standard, standard_lines) = monitored(LogFormat::Standard);
        let (json, json_lines) = monitored(LogFormat::Json);
        // It fails only where a test has installed a subscriber of its own.
        let _ = registry().with(vec![log, standard_lines, json_lines]).try_init();
        Lines { switch, levels: Mutex::new(levels), file, monitors: Monitors { standard, json } }
    }))
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;
/// Lets other lines through from now on.
type Switch = Box<dyn Fn(Targets) + Send + Sync>;

fn lines<W>(format: LogFormat, writer: W, ansi: bool) -> Boxed
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(ansi);
    match format {
        LogFormat::Standard => lines.boxed(),
        // Fields at the top of the object, as Vault writes them, and the innermost span's beside them.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

fn switched(layer: Boxed, at: Targets) -> (Boxed, Switch) {
    let (filter, handle) = reload::Layer::new(at);
    let switch = move |to| {
        // It fails once the subscriber is gone, and then there are no lines.
        let _ = handle.reload(to);
    };
    (layer.with_filter(filter).boxed(), Box::new(switch))
}

fn monitored(format: LogFormat) -> (Arc<Monitor>, Boxed) {
    let tap = monitor::tap();
    let (layer, switch) = switched(lines(format, tap.clone(), false), Targets::new());
    // Also at `trace`: what the libraries that send a line say of that would be lines, without end.
    let open_to = move |level: Option<LogLevel>| switch(level.map_or_else(Targets::new, quiet));
    (Monitor::new(&tap, format, Box::new(open_to)), layer)
}

/// The lines of this process, once [`start`] was called.
pub fn lines_of_this_process() -> Option<&'static Lines> {
    LINES.get()
}

impl Lines {
    /// What the configuration says from now on, of all parts.
    pub fn configure_level(&self, level: LogLevel) {
        let mut levels = self.levels.lock();
        *levels = Levels::new(level);
        (self.switch)(levels.filter());
    }

    /// The level of each part.
    pub fn levels(&self) -> BTreeMap<&'static str, LogLevel> {
        self.levels.lock().parts().clone()
    }

    /// Of one part, or of all; what the configuration says where no level is given. False: there is no such part.
    pub fn set_level(&self, part: Option<&str>, level: Option<LogLevel>) -> bool {
        let mut levels = self.levels.lock();
        let known = levels.set(part, level);
        (self.switch)(levels.filter());
        known
    }

    /// For whoever has moved the log file away.
    pub fn reopen(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), RotatedFile::reopen)
    }
}

fn as_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    }
}

fn base(level: LogLevel) -> Targets {
    match level {
        LogLevel::Trace => Targets::new().with_default(LevelFilter::TRACE),
        _ => quiet(level),
    }
}

fn quiet(level: LogLevel) -> Targets {
    let of_all = as_filter(level);
    let heard = QUIET.iter().map(|(library, heard_from)| (*library, of_all.min(*heard_from)));
    Targets::new().with_default(of_all).with_targets(heard)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_quiet_unless_asked_for_everything() {
        let debug = base(LogLevel::Debug);
        assert!(debug.would_enable("holdfast::server", &Level::DEBUG));
        assert!(!debug.would_enable("openraft::core", &Level::WARN) && debug.would_enable("h2", &Level::WARN));
        assert!(!base(LogLevel::Error).would_enable("h2", &Level::WARN));
        assert!(base(LogLevel::Trace).would_enable("openraft::core", &Level::TRACE));
        let watched = quiet(LogLevel::Trace);
        assert!(watched.would_enable("holdfast::server", &Level::TRACE));
        assert!(!watched.would_enable("h2::codec", &Level::DEBUG), "a line that is sent makes no lines");
    }
}
