//! `holdfast audit …`

mod disable;
mod enable;
mod list;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Begin to write what happens to a device
    Enable(enable::Arguments),
    /// Write no longer to a device
    Disable(disable::Arguments),
    /// Show the devices
    List(list::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Enable(arguments) => enable::run(arguments, globals).await,
        Command::Disable(arguments) => disable::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
    }
}
