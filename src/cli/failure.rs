//! How a command ends.

use std::fmt;
use std::io;
use std::path::Path;

/// What a command that worked has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Good,
    /// The server is there and sealed.
    Sealed,
}

/// Why a command did not work.
#[derive(Debug)]
pub enum Failure {
    /// The command was given something it cannot use: exit status 1.
    Usage(String),
    /// The server, the network or this machine said no: exit status 2.
    Refused(String),
    /// The server could not start or run: exit status 1.
    Server(String),
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

    /// What was being done, before what went wrong.
    pub fn while_doing(self, what: impl fmt::Display) -> Failure {
        match self {
            Failure::Refused(problem) => Failure::Refused(format!("Error {what}: {problem}")),
            other => other,
        }
    }

    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Usage(_) | Failure::Server(_) => 1,
            Failure::Refused(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(problem) | Failure::Refused(problem) | Failure::Server(problem) => f.write_str(problem),
        }
    }
}
