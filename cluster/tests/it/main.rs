//! Whole nodes, over TLS on loopback.

mod doors;
mod failover;
mod forwarding;
mod harness;
mod joining;
mod reading;
mod sealing;
