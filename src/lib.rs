//! The server: what joins core, the plugins and the cluster.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod http;
pub mod replication;
pub mod server;
pub mod telemetry;
