//! How the nodes of a cluster talk: gRPC over TLS with pinned keys, on a port of its own.
//!
//! ```text
//! consensus ─► Client ─┬─ control lane: heartbeats, votes, read index, hello ─┐
//!                      ├─ data lane: log entries, forwarded requests ─────────┼─► Listener ─► ConsensusService ─► Raft
//!                      └─ snapshot lane ──────────────────────────────────────┘          ├──► PeerService ─► Answers
//! another cluster ────────────────────────────────────────────────────────────────────────┴──► ReplicaService
//! ```
//!
//! Each lane of each peer is one HTTP/2 connection that stays open ([`Peers`]), so no request pays for a connect and no
//! heartbeat waits behind a log message. Answers to log messages carry a report of how the answering node is
//! ([`Reports`]); clock, hand-over and autopilot live on these.
//!
//! Nothing here decides anything about consensus or reads a payload.

mod client;
mod connect;
mod consensus_service;
mod listener;
mod local;
mod peer_service;
mod peers;
mod replica_service;
mod reports;
mod snapshot_in;
mod snapshot_out;
mod wire;

pub use client::Network;
pub use consensus_service::{ConsensusService, Door};
pub use listener::{Caller, Listener, bind};
pub use local::Local;
pub use peer_service::{Answers, ForwardRefusal, Hello, Left, PeerService, Verdict};
pub use peers::{CallError, Lane, Link, Peers};
pub use replica_service::{ReplicaAnswers, ReplicaService};
pub use reports::{Claim, Reports};
pub use wire::{claim_in, member_in, member_out};
