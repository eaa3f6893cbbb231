//! What is logged, and how a line looks.

use super::declared::Key;
use super::declared::Takes::Word;
use super::environment::Environment;
use super::problem::ConfigError;
use super::section::Section;

/// `log_level` and `log_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    pub level: LogLevel,
    pub format: LogFormat,
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
    .after("-log-level, HOLDFAST_LOG_LEVEL, VAULT_LOG_LEVEL"),
    Key::new("log_format", Word, "standard", "What a line is: text (`standard`) or an object of JSON (`json`).")
        .after("HOLDFAST_LOG_FORMAT, VAULT_LOG_FORMAT"),
];

pub(super) fn read(top: &Section<'_>, environment: &Environment) -> Result<LogSettings, ConfigError> {
    let mut settings = LogSettings::default();
    if let Some(entry) = top.entry("log_level") {
        settings.level = LogLevel::parse(&entry.text()?).ok_or_else(|| entry.bad(LogLevel::WANTED))?;
    }
    if let Some(entry) = top.entry("log_format") {
        settings.format = LogFormat::parse(&entry.text()?).ok_or_else(|| entry.bad(LogFormat::WANTED))?;
    }
    let bad = |name, found: &String, wanted| ConfigError::BadVariable { name, found: format!("{found:?}"), wanted };
    if let Some(text) = &environment.log_level {
        settings.level = LogLevel::parse(text).ok_or_else(|| bad("VAULT_LOG_LEVEL", text, LogLevel::WANTED))?;
    }
    if let Some(text) = &environment.log_format {
        settings.format = LogFormat::parse(text).ok_or_else(|| bad("VAULT_LOG_FORMAT", text, LogFormat::WANTED))?;
    }
    Ok(settings)
}

impl LogLevel {
    pub const WANTED: &str = "it must be trace, debug, info, warn or error";

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
    const WANTED: &str = "it must be standard or json";

    fn parse(text: &str) -> Option<LogFormat> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "" | "standard" => LogFormat::Standard,
            "json" => LogFormat::Json,
            _ => return None,
        })
    }
}
