//! Whole nodes, over TLS on loopback.

mod doors;
mod failover;
mod forwarding;
mod harness;
mod joining;
mod killing;
mod reading;
mod sealing;
