//! The replicated store: a log, a state machine and the snapshots of it. Bytes, never secrets.

pub mod consensus;
pub mod identity;
pub mod log;
pub mod machine;
pub mod network;
pub mod snapshot;
pub mod time;

#[cfg(test)]
mod tests;
