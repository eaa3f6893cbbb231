//! What is wrong with a configuration, and what is only odd about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use hcl::Position;

use super::declared::Why;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub line: u32,
}

impl Place {
    pub(super) fn new(file: &Path, at: Position) -> Place {
        Place { file: file.to_owned(), line: at.line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The server must not start. The writer of the configuration is at fault, in each case.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: cannot be read: {error}", path = path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path}: holds no file that ends in .hcl or .json", path = path.display())]
    EmptyFolder { path: PathBuf },
    #[error("no configuration was named: give a file or a folder with -config")]
    NothingNamed,
    #[error("{place}: {problem}")]
    Syntax { place: Place, problem: String },
    #[error("{place}: `{key}` is {found}: {wanted}")]
    BadValue { place: Place, key: String, found: String, wanted: String },
    #[error("{place}: {problem}")]
    BadBlock { place: Place, problem: String },
    #[error("{place}: `{block}` lacks `{key}`: {wanted}")]
    MissingKey { place: Place, block: String, key: &'static str, wanted: &'static str },
    #[error("{file}: has no `{block}` block: {wanted}", file = file.display())]
    MissingBlock { file: PathBuf, block: &'static str, wanted: &'static str },
    #[error("{place}: `{key}` is not offered by this server, and without it the server must not start: {help}")]
    Refused { place: Place, key: &'static str, help: &'static str },
    #[error("the environment variable {name} is {found}: {wanted}")]
    BadVariable { name: &'static str, found: String, wanted: &'static str },
}

/// The server starts, but the writer should look here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Nobody knows this key.
    Unknown { place: Place, key: String, nearest: Option<String> },
    /// Vault has this key, this server does nothing with it.
    NoEffect { place: Place, key: &'static str, why: Why, help: &'static str },
    /// A value that is taken, but not as it stands.
    Adjusted { place: Place, problem: String },
    /// What is asked for is done, and dangerous.
    Dangerous { place: Place, problem: String },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Unknown { place, key, nearest: Some(nearest) } => {
                write!(f, "{place}: the key `{key}` is not known; did you mean `{nearest}`?")
            }
            Warning::Unknown { place, key, nearest: None } => write!(f, "{place}: the key `{key}` is not known"),
            Warning::NoEffect { place, key, why, help } => {
                write!(f, "{place}: `{key}` is ignored ({}): {help}", why.words())
            }
            Warning::Adjusted { place, problem } | Warning::Dangerous { place, problem } => {
                write!(f, "{place}: {problem}")
            }
        }
    }
}
