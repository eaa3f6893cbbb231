//! The endpoints as a client sees them, on one node in memory.

mod auth;
mod server;

use server::Server;
