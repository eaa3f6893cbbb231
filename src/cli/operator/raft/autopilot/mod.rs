//! `holdfast operator raft autopilot …`

mod get_config;
mod set_config;
mod state;

use clap::Subcommand;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// How healthy each node is
    State(state::Arguments),
    /// What counts as healthy, and what is done about it
    GetConfig(get_config::Arguments),
    /// Change that
    SetConfig(set_config::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::State(arguments) => state::run(arguments, globals).await,
        Command::GetConfig(arguments) => get_config::run(arguments, globals).await,
        Command::SetConfig(arguments) => set_config::run(arguments, globals).await,
    }
}
