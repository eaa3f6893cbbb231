//! The whole product from outside: real processes, real ports, real disks.

mod cli;
mod clients;
mod config;
mod harness;
mod keeping;
mod serving;
mod tidy;
