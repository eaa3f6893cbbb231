//! `holdfast kv metadata …`

mod delete;
mod get;
mod patch;
mod put;
mod settings;

use clap::Subcommand;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Show a secret's settings and versions
    Get(get::Arguments),
    /// Set a secret's settings; what is not named goes back to its default
    Put(put::Arguments),
    /// Change some of a secret's settings
    Patch(patch::Arguments),
    /// Delete a secret with all its versions, for good
    Delete(delete::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Get(arguments) => get::run(arguments, globals).await,
        Command::Put(arguments) => put::run(arguments, globals).await,
        Command::Patch(arguments) => patch::run(arguments, globals).await,
        Command::Delete(arguments) => delete::run(arguments, globals).await,
    }
}
