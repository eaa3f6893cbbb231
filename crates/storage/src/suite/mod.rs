//! The contracts as tests, for whoever implements one.

pub mod open;
pub mod sealed;
