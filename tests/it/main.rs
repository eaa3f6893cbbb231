//! The whole product from outside: real processes, real ports, real disks.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its harness too")]

mod approle;
mod audit;
mod backup;
mod backup_auto;
mod batch;
mod canaries;
mod cli;
mod cli_cluster;
mod cli_dev;
mod cli_diagnose;
mod cli_serving;
mod clients;
mod config;
mod consistency;
mod disks;
mod dr;
mod explaining;
mod fitness;
mod harness;
mod health;
mod hostile;
mod identity;
mod import;
mod keeping;
mod keys;
mod killing;
mod leaving;
mod listener;
mod membership;
mod metrics;
mod mfa;
mod monitor;
mod oidc;
mod openapi;
mod operations;
mod operator_day;
mod pushes;
mod quotas;
mod recovering;
mod runbooks;
mod seals;
mod secrecy;
mod serving;
mod signals;
mod tenants;
mod tidy;
mod totp;
mod traces;
mod transit;
mod unsealing;
#[cfg(feature = "faults")]
mod upgrading;
