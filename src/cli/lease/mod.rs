//! `holdfast lease …`

mod lookup;
mod renew;
mod revoke;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Show what is known of a lease
    Lookup(lookup::Arguments),
    /// Make a lease last longer
    Renew(renew::Arguments),
    /// End a lease and what it stands for
    Revoke(revoke::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Lookup(arguments) => lookup::run(arguments, globals).await,
        Command::Renew(arguments) => renew::run(arguments, globals).await,
        Command::Revoke(arguments) => revoke::run(arguments, globals).await,
    }
}
