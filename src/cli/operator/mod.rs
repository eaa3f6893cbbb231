//! `holdfast operator …`: what an operator does to a cluster.

mod init;
mod raft;
mod seal;
mod step_down;
mod unseal;

use clap::Subcommand;

use super::failure::{Done, Failure};

#[derive(Subcommand)]
pub enum Command {
    /// Initialise a new cluster and print its unseal keys and first token
    Init(init::Arguments),
    /// Give one unseal key to a server
    Unseal(unseal::Arguments),
    /// Seal the server
    Seal(seal::Arguments),
    /// Make the active node hand over
    StepDown(step_down::Arguments),
    /// The members of the cluster
    #[command(subcommand)]
    Raft(raft::Command),
}

pub async fn run(command: Command) -> Result<Done, Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments).await,
        Command::Unseal(arguments) => unseal::run(arguments).await,
        Command::Seal(arguments) => seal::run(arguments).await,
        Command::StepDown(arguments) => step_down::run(arguments).await,
        Command::Raft(command) => raft::run(command).await,
    }
}
