//! How a command ends.

use std::fmt;
use std::io;
use std::path::Path;

/// What a command that worked has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Good,
    /// The server is there and sealed; or what was asked about is not there, where the answer is the exit status.
    No,
    /// A report with warnings and without a failure: exit status 2.
    Warned,
    /// A report with a failure: exit status 1.
    Failed,
}

/// Why a command did not do what it is there for.
#[derive(Debug)]
pub enum Failure {
    /// The command was given something it cannot use: exit status 1.
    Usage(String),
    /// The server, the network or this machine said no: exit status 2.
    Refused(String),
    /// The server could not start or run: exit status 1.
    Server(String),
    /// The request was to be shown, not sent: exit status 0.
    Shown(String),
}

impl Done {
    pub fn exit_status(self) -> u8 {
        match self {
            Done::Good => 0,
            Done::Failed => 1,
            Done::No | Done::Warned => 2,
        }
    }
}

impl Failure {
    pub fn usage(problem: impl Into<String>) -> Failure {
        Failure::Usage(problem.into())
    }

    pub fn refused(problem: impl Into<String>) -> Failure {
        Failure::Refused(problem.into())
    }

    pub fn runtime(error: io::Error) -> Failure {
        Failure::Server(format!("Error starting the runtime: {error}"))
    }

    pub fn file(path: &Path, error: io::Error) -> Failure {
        Failure::Usage(format!("Error reading {}: {error}", path.display()))
    }

    pub fn written(path: &Path, error: io::Error) -> Failure {
        Failure::Refused(format!("Error writing {}: {error}", path.display()))
    }

    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Shown(_) => 0,
            Failure::Usage(_) | Failure::Server(_) => 1,
            Failure::Refused(_) => 2,
        }
    }
}

/// Puts what was being done before what went wrong.
pub trait While<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T> While<T> for Result<T, Failure> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|failure| match failure {
            Failure::Refused(problem) => Failure::Refused(format!("Error {what}: {problem}")),
            other => other,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) | Failure::Refused(text) | Failure::Server(text) | Failure::Shown(text) => {
                f.write_str(text)
            }
        }
    }
}
