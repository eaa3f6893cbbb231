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
mod flags;
mod lease;
mod listener;
mod lockout;
mod log;
mod outbound;
mod problem;
mod raft;
mod reference;
mod retry_join;
mod sanitized;
mod seal;
mod section;
mod server;
mod source;
mod telemetry;
mod written;

pub use address::{ApiAddress, HostPort};
pub use audit::AuditDevice;
pub use environment::{Environment, host_name};
pub use flags::Flags;
pub use lease::LeaseLimits;
pub use listener::{
    Access, CertificateDecoder, CertificateHeader, Cors, Doors, Endpoint, ForwardedFor, HttpTimeouts, Listener,
    MetricsAccess, ProxyBehaviour, ProxyProtocol, Redaction, RequestLimits, ResponseHeaders, TlsFiles, TlsVersion,
    UnixSocket,
};
pub use log::{LogFile, LogFormat, LogLevel, LogSettings};
pub use outbound::{OutboundHost, allows};
pub use problem::{ConfigError, Place, Warning};
pub use raft::{RaftStorage, RaftTiming};
pub use reference::reference;
pub use retry_join::{Pem, RetryJoin};
pub use seal::{
    HsmSeal, OfferedTo, Seal, SealKey, SealedBy, Secret, StaticKeys, TokenAt, TransitSeal, TransitTls, is_segment,
};
pub use server::ServerConfig;
pub use telemetry::{Telemetry, TraceSettings};
pub use written::Written;

use std::path::PathBuf;

/// Where a configuration comes from. Flags go before the environment, and that before the files.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files, and folders of files, in this order.
    pub paths: Vec<PathBuf>,
    pub environment: Environment,
    pub flags: Flags,
}

/// A configuration that can be used, and what is odd about it.
pub struct Loaded {
    pub config: ServerConfig,
    pub warnings: Vec<Warning>,
    /// What the files say, to be compared with another reading of them.
    pub written: Written,
}

impl Sources {
    /// These files in the process's environment.
    pub fn of_process(paths: Vec<PathBuf>, flags: Flags) -> Sources {
        Sources { paths, environment: Environment::of_process(), flags }
    }

    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let documents = source::read(&self.paths)?;
        let (config, warnings) = server::read(&documents, &self.environment, &self.flags)?;
        Ok(Loaded { config, warnings, written: Written::of(&documents) })
    }
}

#[cfg(test)]
mod tests;
