//! The server's configuration: files in HCL or JSON, with the keys that Vault's users know, in; one checked
//! [`ServerConfig`] out, complete before any port opens.
//!
//! ```text
//!   paths ─ source ─► documents ─ section ─► typed values ─ one file per block ─► ServerConfig
//!                     (positions)  (declared keys)                                + warnings
//! ```
//!
//! Each block's file declares its keys once, in a table ([`declared`]): the reference `docs/CONFIGURATION.md` is made
//! from the tables ([`reference`]).
//!
//! A bad value stops the start and says where it stands and what would be right. A key that is not declared is a
//! warning with the nearest known one; a key that Vault has and this server has no use for is named as such. Several
//! files are read as one: the last value of a key counts, blocks add up. Nothing here opens a port or touches the
//! files that the configuration names, but for what an `audit "http"` device takes its credential from.

mod address;
mod audit;
mod declared;
mod elsewhere;
mod environment;
mod lease;
mod listener;
mod lockout;
mod log;
mod problem;
mod raft;
mod reference;
mod retry_join;
mod seal;
mod section;
mod server;
mod source;
mod telemetry;

pub use address::{ApiAddress, HostPort};
pub use audit::AuditDevice;
pub use environment::Environment;
pub use lease::LeaseLimits;
pub use listener::{Doors, Listener, RequestLimits, TlsFiles, TlsVersion};
pub use log::{LogFormat, LogLevel, LogSettings};
pub use problem::{ConfigError, Place, Warning};
pub use raft::{RaftStorage, RaftTiming};
pub use reference::reference;
pub use retry_join::{Pem, RetryJoin};
pub use seal::{Seal, SealKey};
pub use server::ServerConfig;
pub use telemetry::Telemetry;

use std::path::PathBuf;

/// Reads the files, and the files of the folders, in this order. Values from the process's environment
/// (`VAULT_API_ADDR` and the like) go before those of the files.
pub fn load(paths: &[PathBuf]) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    load_in(paths, &Environment::of_process())
}

/// As [`load`], with an environment of the caller's choice.
pub fn load_in(paths: &[PathBuf], environment: &Environment) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let documents = source::read(paths)?;
    server::read(&documents, environment)
}

#[cfg(test)]
mod tests;
