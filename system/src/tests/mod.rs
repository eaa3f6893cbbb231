//! The endpoints as a client sees them, on one node in memory.

mod auth;
mod autopilot;
mod capabilities;
mod counters;
mod dr;
mod identity;
mod leases;
mod mfa;
mod mounts;
mod node;
mod oidc;
mod passwords;
mod policies;
mod policy_explain;
mod pushes;
mod quotas;
mod roles;
mod sealed;
mod server;
mod serviced;

use server::Server;
