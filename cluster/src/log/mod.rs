//! The Raft log on disk: group commit by one writer thread, and a tail of recent entries in memory.
//!
//! ```text
//! append ──► tail (readable at once) ──► queue ──► writer: one batch, one sync for all that waits ──► callbacks
//! truncate, purge, vote ───────────────────┘                                        └──► durable index ──► apply's gate
//! ```
//!
//! Nothing here decides anything: what is appended, truncated or purged is consensus's business, and retention is
//! `snapshot::retention`'s. An error of the disk poisons the log for good and calls the fatal hook; no sync is ever
//! tried twice.

mod busy;
mod disk;
pub mod encoding;
mod faults;
mod offline;
mod store;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use disk::OpenError;
pub use faults::Faults;
pub(crate) use offline::Offline;
pub use store::{LogOptions, LogStore};
pub use writer::{Durable, OnFatal};
