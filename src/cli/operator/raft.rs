//! `holdfast operator raft …`

mod join;
mod list_peers;

use clap::Subcommand;

use crate::cli::failure::{Done, Failure};

#[derive(Subcommand)]
pub enum Command {
    /// The nodes of the cluster
    ListPeers(list_peers::Arguments),
    /// Make a new node join the cluster of another
    Join(join::Arguments),
}

pub async fn run(command: Command) -> Result<Done, Failure> {
    match command {
        Command::ListPeers(arguments) => list_peers::run(arguments).await,
        Command::Join(arguments) => join::run(arguments).await,
    }
}
