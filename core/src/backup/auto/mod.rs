//! Backups that make themselves: `sys/storage/raft/snapshot-auto`.
//!
//! The active node writes them, one at a time, to a folder of its own machine that the server's configuration opens to
//! them. When the next one is due follows from a record of the cluster, so that whoever becomes active goes on with it;
//! however many were missed, one is made.
//!
//! ```text
//!   due ─► save ─► file.tmp, synced ─► test restore: sums, order, MAC, every value opens ─► rename ─► old ones go
//!                                                  └─ no: the file goes, and the status says why
//! ```

mod config;
mod folder;
mod status;
#[cfg(test)]
mod tests;
mod trial;
mod worker;

pub use config::{AutoConfig, ConfigError, key, names, read};
pub use folder::Folders;
pub use status::{AutoStatus, forget};
pub use worker::run;
