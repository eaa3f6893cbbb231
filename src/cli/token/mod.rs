//! `holdfast token …`

mod capabilities;
mod create;
mod lookup;
mod renew;
mod revoke;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Make a token, a child of the caller's
    Create(create::Arguments),
    /// Show what is known of a token
    Lookup(lookup::Arguments),
    /// Make a token live longer
    Renew(renew::Arguments),
    /// End a token, with its children and their leases
    Revoke(revoke::Arguments),
    /// Say what a token may do with a path
    Capabilities(capabilities::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Create(arguments) => create::run(arguments, globals).await,
        Command::Lookup(arguments) => lookup::run(arguments, globals).await,
        Command::Renew(arguments) => renew::run(arguments, globals).await,
        Command::Revoke(arguments) => revoke::run(arguments, globals).await,
        Command::Capabilities(arguments) => capabilities::run(arguments, globals).await,
    }
}
