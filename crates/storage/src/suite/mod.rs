//! The contracts as tests, for whoever implements one.

#![expect(clippy::unwrap_used, reason = "a suite is a test: an unwrap is an assertion")]

pub mod open;
pub mod sealed;
