//! Starts real nodes and talks to them.
//!
//! ```text
//!   Cluster ─┬─ Node      one process: start, stop, kill, restart, its log
//!            ├─ Client    JSON over HTTP, as whoever holds a token
//!            └─ Keys      what initialising gave out
//!   Description  the server's own description of its operations and their answers
//!   Shell    ─── commands of one person against one node
//! ```
//!
//! Every wait has a bound. What a test started ends with the test; if the test failed, its logs are shown first.

mod certificates;
mod client;
mod cluster;
mod description;
mod node;
mod program;
mod shell;
mod wait;

pub use certificates::{Certificates, ELSEWHERE};
pub use client::{Answer, Client};
pub use cluster::{Cluster, Keys, Transport};
pub use description::{Description, Operation};
pub use node::{Node, SmallDisk};
pub use program::{Ran, run, run_with};
pub use shell::Shell;
pub use wait::until;
