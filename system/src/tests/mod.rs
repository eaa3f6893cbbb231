//! The endpoints as a client sees them, on one node in memory.

mod auth;
mod autopilot;
mod capabilities;
mod leases;
mod mounts;
mod node;
mod policies;
mod policy_explain;
mod roles;
mod server;

use server::Server;
