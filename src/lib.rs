//! The server: what joins core, the plugins and the cluster.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod http;
mod other_cluster;
pub mod replication;
mod roots;
pub mod server;
pub mod telemetry;
#[cfg(feature = "faults")]
pub mod under_test;
