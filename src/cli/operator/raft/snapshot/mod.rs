//! `holdfast operator raft snapshot …`

mod inspect;
mod restore;
mod save;

use clap::Subcommand;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Write a backup of the cluster to a file
    Save(save::Arguments),
    /// Put a backup in the place of all that the cluster holds
    Restore(restore::Arguments),
    /// Check a backup file, and say which cluster and root key it is of
    Inspect(inspect::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Save(arguments) => save::run(arguments, globals).await,
        Command::Restore(arguments) => restore::run(arguments, globals).await,
        Command::Inspect(arguments) => inspect::run(&arguments, globals),
    }
}
