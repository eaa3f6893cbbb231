//! What the command line says in place of environment and files.

use std::path::PathBuf;

use super::log::{LogFormat, LogLevel};

#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `-log-level`
    pub log_level: Option<LogLevel>,
    /// `-log-format`
    pub log_format: Option<LogFormat>,
    /// `-log-file`
    pub log_file: Option<PathBuf>,
}
