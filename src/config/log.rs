//! What is logged, where to, and how a line looks.

use std::path::PathBuf;
use std::time::Duration;

use super::declared::Key;
use super::declared::Takes::{Bytes, Duration as Time, Number, Path, Word};
use super::environment::Environment;
use super::flags::Flags;
use super::problem::ConfigError;
use super::section::Section;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// `log_level`
    pub level: LogLevel,
    /// `log_format`
    pub format: LogFormat,
    /// `log_file` and its rotation.
    pub file: Option<LogFile>,
    /// `log_requests_level`: at which level a line is written for each request. `None`: not at all.
    pub requests: Option<LogLevel>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
    /// `log_rotate_bytes`
    pub rotate_bytes: Option<u64>,
    /// `log_rotate_duration`
    pub rotate_after: Duration,
    /// `log_rotate_max_files`: how many rotated files are kept. `None`: all.
    pub rotate_max_files: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text.
    #[default]
    Standard,
    /// One object of JSON.
    Json,
}

pub const KEYS: &[Key] = &[
    Key::new(
        "log_level",
        Word,
        "info",
        "From which severity on lines are written: `trace`, `debug`, `info`, `warn` or `error`.",
    )
    .after("-log-level, HOLDFAST_LOG_LEVEL, VAULT_LOG_LEVEL")
    .reloadable(),
    Key::new("log_format", Word, "standard", "What a line is: text (`standard`) or an object of JSON (`json`).")
        .after("-log-format, HOLDFAST_LOG_FORMAT, VAULT_LOG_FORMAT"),
    Key::new(
        "log_file",
        Path,
        "",
        "Lines go to this file as well as to standard error; a folder stands for `holdfast.log` in it. SIGHUP opens it \
         anew, for whoever has moved it away.",
    )
    .after("-log-file"),
    Key::new("log_rotate_bytes", Bytes, "0", "How large the file grows before it is rotated. 0: as large as it will."),
    Key::new("log_rotate_duration", Time, "24h", "How long it is written before it is rotated."),
    Key::new(
        "log_rotate_max_files",
        Number,
        "0",
        "How many rotated files are kept, named after the time of rotation. 0: all; -1: none.",
    ),
    Key::new(
        "log_requests_level",
        Word,
        "off",
        "At which severity a line is written for each request that was answered: a word as in `log_level`, or `off`.",
    )
    .reloadable(),
];

pub(super) fn read(top: &Section<'_>, environment: &Environment, flags: &Flags) -> Result<LogSettings, ConfigError> {
    let mut settings = LogSettings::default();
    if let Some(entry) = top.entry("log_level") {
        settings.level = LogLevel::parse(&entry.text()?).ok_or_else(|| entry.bad(LogLevel::WANTED))?;
    }
    if let Some(entry) = top.entry("log_format") {
        settings.format = LogFormat::parse(&entry.text()?).ok_or_else(|| entry.bad(LogFormat::WANTED))?;
    }
    if let Some(entry) = top.entry("log_requests_level") {
        let text = entry.text()?;
        let level = if matches!(text.as_str(), "" | "off") { Some(None) } else { LogLevel::parse(&text).map(Some) };
        settings.requests = level.ok_or_else(|| entry.bad("it must be off, trace, debug, info, warn or error"))?;
    }
    let bad = |name, found: &String, wanted| ConfigError::BadVariable { name, found: format!("{found:?}"), wanted };
    if let Some(text) = &environment.log_level {
        settings.level = LogLevel::parse(text).ok_or_else(|| bad("VAULT_LOG_LEVEL", text, LogLevel::WANTED))?;
    }
    if let Some(text) = &environment.log_format {
        settings.format = LogFormat::parse(text).ok_or_else(|| bad("VAULT_LOG_FORMAT", text, LogFormat::WANTED))?;
    }
    settings.level = flags.log_level.unwrap_or(settings.level);
    settings.format = flags.log_format.unwrap_or(settings.format);
    settings.file = file(top, flags)?;
    Ok(settings)
}

fn file(top: &Section<'_>, flags: &Flags) -> Result<Option<LogFile>, ConfigError> {
    let path = top.path("log_file")?;
    let rotate_bytes = match top.entry("log_rotate_bytes") {
        Some(entry) => entry.number_in(0, i64::MAX as u64)?,
        None => 0,
    };
    let rotate_after = top.duration("log_rotate_duration")?.filter(|given| !given.is_zero()).unwrap_or(ROTATE_AFTER);
    let rotate_max_files = match top.number("log_rotate_max_files")? {
        None | Some(0) => None,
        Some(number) => Some(usize::try_from(number).unwrap_or(0)),
    };
    let path = flags.log_file.clone().or(path);
    let rotate_bytes = Some(rotate_bytes).filter(|bytes| *bytes > 0);
    Ok(path.map(|path| LogFile { path, rotate_bytes, rotate_after, rotate_max_files }))
}

const ROTATE_AFTER: Duration = Duration::from_secs(86_400);

impl LogLevel {
    pub const WANTED: &str = "it must be trace, debug, info, warn or error";

    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }

    pub fn parse(text: &str) -> Option<LogLevel> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "" | "info" | "notice" => LogLevel::Info,
            "trace" => LogLevel::Trace,
            "debug" => LogLevel::Debug,
            "warn" | "warning" => LogLevel::Warn,
            "error" | "err" => LogLevel::Error,
            _ => return None,
        })
    }
}

impl LogFormat {
    pub const WANTED: &str = "it must be standard or json";

    pub fn parse(text: &str) -> Option<LogFormat> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "" | "standard" => LogFormat::Standard,
            "json" => LogFormat::Json,
            _ => return None,
        })
    }
}
