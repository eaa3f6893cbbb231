//! The replicated state: a RocksDB that follows the log, entry by entry.
//!
//! ```text
//! committed entries ─► gate: durable here? ─► command: check, effect ─► one write: data + outcome + position ─► answer
//!                                                                                      └─► position watch
//! ```
//!
//! **Invariant:** the applied position, the membership and the data they belong to change in one write, so the state on
//! disk is always that of one log position. It is not synced: after a crash the log, which is, brings it back.
//!
//! **Invariant:** applied ≤ durable log. Consensus may commit by the others' disks alone; an entry that this node's log
//! could still lose is not applied here.
//!
//! Apply is deterministic: no clock, no randomness, no environment. A reader sees exactly what is applied: its view is a
//! snapshot of the database, and caches above are validated by revision, so nothing has to be told before an entry
//! shows. What a batch changes is noted in a journal before it can be seen, so a listing is patched by the snapshot that reads
//! it.

mod apply;
mod copying;
mod database;
mod feed;
mod fingerprint;
mod key;
mod known;
mod loading;
mod outcomes;
mod position;
mod raft;
mod reader;
mod stray;
#[cfg(test)]
mod tests;
mod trail;
pub(crate) mod value;
mod view;

pub(crate) use database::stored;
pub use feed::Behind;
pub use loading::Loading;
pub use outcomes::Outcome;
pub use position::Position;
pub use raft::{Machine, MachineOptions};
pub use reader::StateReader;
pub use stray::Stray;
pub use trail::Seen;
