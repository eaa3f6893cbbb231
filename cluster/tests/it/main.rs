//! Whole nodes, over TLS on loopback.
#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod copying;
mod diverging;
mod doors;
mod failover;
mod fitness;
mod forwarding;
mod harness;
mod joining;
mod killing;
mod loading;
mod membership;
mod reading;
mod recovering;
mod sealing;
mod upgrading;
