//! `holdfast kv …`: secrets in a key-value engine. Which version a mount has is asked of the server each time.

mod delete;
mod get;
mod list;
mod mount;
mod pairs;
mod put;

use clap::{Args, Subcommand};

use super::connection::Connection;
use super::failure::{Done, Failure};
use super::output::FormatFlag;

#[derive(Subcommand)]
pub enum Command {
    /// Read a secret
    Get(get::Arguments),
    /// Write a secret
    Put(put::Arguments),
    /// List the secrets below a path
    List(list::Arguments),
    /// Delete a secret, or versions of it
    Delete(delete::Arguments),
}

/// What all of them are told.
#[derive(Args)]
struct Target {
    /// The mount, where it is not the first part of the path
    #[arg(long, value_name = "PATH")]
    mount: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: FormatFlag,
}

pub async fn run(command: Command) -> Result<Done, Failure> {
    match command {
        Command::Get(arguments) => get::run(arguments).await,
        Command::Put(arguments) => put::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Delete(arguments) => delete::run(arguments).await,
    }
}
