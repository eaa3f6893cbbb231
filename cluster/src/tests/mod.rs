//! Several nodes in one process, over channels instead of a network, with the real log and the real state.

mod catch_up;
mod contract;
mod lease;
mod nodes;
mod proposals;
mod restored_leader;
