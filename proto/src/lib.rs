//! The wire between the nodes of one cluster: messages and gRPC stubs made from `proto/cluster.proto`.
//!
//! The Rust code is checked in, so that building the server needs no protobuf compiler; `tests/drift.rs` compares it
//! with the source and, run with `UPDATE_PROTO=1`, writes it anew. Nothing here knows what the bytes mean: entries are in the
//! log's own encoding, forwarded payloads are ciphertext.

#[rustfmt::skip]
#[path = "gen/cluster.rs"]
#[allow(clippy::all, clippy::unwrap_used)]
pub mod cluster;

/// The newest format of messages, log, state and snapshots that this version reads, and writes once the cluster has gone over
/// to it.
pub const FORMAT: u32 = 1;

/// The oldest one.
pub const OLDEST_FORMAT: u32 = 1;

/// The largest message either end accepts.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;
