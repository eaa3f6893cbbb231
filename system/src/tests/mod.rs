//! The endpoints as a client sees them, on one node in memory.

mod auth;
mod capabilities;
mod mounts;
mod server;

use server::Server;
