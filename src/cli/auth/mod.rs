//! `holdfast auth …`

mod disable;
mod enable;
mod help;
mod list;
mod moving;
mod tune;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Command {
    /// Let people log in by a method
    Enable(enable::Arguments),
    /// End a method and all tokens that it gave out
    Disable(disable::Arguments),
    /// Show the methods
    List(list::Arguments),
    /// Show a method's help, as the server has it
    Help(help::Arguments),
    /// Mount a method elsewhere
    Move(moving::Arguments),
    /// Change how a method is mounted
    Tune(tune::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Enable(arguments) => enable::run(arguments, globals).await,
        Command::Disable(arguments) => disable::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Help(arguments) => help::run(arguments, globals).await,
        Command::Move(arguments) => moving::run(arguments, globals).await,
        Command::Tune(arguments) => tune::run(arguments, globals).await,
    }
}
