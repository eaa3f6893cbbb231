//! `holdfast policy …`

mod delete;
mod fmt;
mod layout;
mod lint;
mod list;
mod read;
mod write;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Show the names of all policies
    List(list::Arguments),
    /// Show a policy
    Read(read::Arguments),
    /// Make a policy, or replace it
    Write(write::Arguments),
    /// Delete a policy
    Delete(delete::Arguments),
    /// Lay out a policy's file anew
    Fmt(fmt::Arguments),
    /// Look a policy's file over
    Lint(lint::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Read(arguments) => read::run(arguments, globals).await,
        Command::Write(arguments) => write::run(arguments, globals).await,
        Command::Delete(arguments) => delete::run(arguments, globals).await,
        Command::Fmt(arguments) => fmt::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
    }
}
