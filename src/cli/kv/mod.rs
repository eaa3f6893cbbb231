//! `holdfast kv …`: secrets in a key-value engine. Which version a mount has is asked of the server each time.

mod delete;
mod destroy;
mod enable_versioning;
mod get;
mod list;
mod metadata;
mod mount;
mod r#move;
mod patch;
mod put;
mod rollback;
mod undelete;
mod versions;
mod written;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Read a secret
    Get(get::Arguments),
    /// Write a secret
    Put(put::Arguments),
    /// Change some keys of a secret
    Patch(patch::Arguments),
    /// List the secrets below a path
    List(list::Arguments),
    /// Delete a secret, or versions of it; with versions it can be undone
    Delete(delete::Arguments),
    /// Bring deleted versions back
    Undelete(undelete::Arguments),
    /// Delete versions for good
    Destroy(destroy::Arguments),
    /// Give a secret another name or mount, with its history
    Move(r#move::Arguments),
    /// Write an older version once more, as the newest
    Rollback(rollback::Arguments),
    /// What is kept of a secret besides its data
    #[command(subcommand)]
    Metadata(metadata::Command),
    /// Turn version 1 of the engine into version 2
    EnableVersioning(enable_versioning::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Get(arguments) => get::run(arguments, globals).await,
        Command::Put(arguments) => put::run(arguments, globals).await,
        Command::Patch(arguments) => patch::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Delete(arguments) => delete::run(arguments, globals).await,
        Command::Undelete(arguments) => undelete::run(arguments, globals).await,
        Command::Destroy(arguments) => destroy::run(arguments, globals).await,
        Command::Move(arguments) => r#move::run(arguments, globals).await,
        Command::Rollback(arguments) => rollback::run(arguments, globals).await,
        Command::Metadata(command) => metadata::run(command, globals).await,
        Command::EnableVersioning(arguments) => enable_versioning::run(arguments, globals).await,
    }
}
