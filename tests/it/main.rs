//! The whole product from outside: real processes, real ports, real disks.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its harness too")]

mod cli;
mod clients;
mod config;
mod harness;
mod health;
mod hostile;
mod keeping;
mod keys;
mod killing;
mod leaving;
mod secrecy;
mod serving;
mod tidy;
