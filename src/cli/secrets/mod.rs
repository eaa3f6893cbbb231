//! `holdfast secrets …`

mod disable;
mod enable;
mod list;
mod moving;
mod tune;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Mount an engine
    Enable(enable::Arguments),
    /// Unmount an engine and delete all it holds
    Disable(disable::Arguments),
    /// Show the mounted engines
    List(list::Arguments),
    /// Mount an engine elsewhere
    Move(moving::Arguments),
    /// Change how an engine is mounted
    Tune(tune::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Enable(arguments) => enable::run(arguments, globals).await,
        Command::Disable(arguments) => disable::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Move(arguments) => moving::run(arguments, globals).await,
        Command::Tune(arguments) => tune::run(arguments, globals).await,
    }
}
