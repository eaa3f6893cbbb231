//! `holdfast operator seal`: seals the server; `seal list`, `add`, `remove`: what unseals the cluster.

mod add;
mod list;
mod remove;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator seal -address=https://10.0.0.2:8200\n  holdfast operator seal list\n  holdfast operator seal add kms-b"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show what unseals the cluster, and how it is
    List(list::Arguments),
    /// Let a seal of the configuration unseal the cluster
    Add(add::Arguments),
    /// Let a seal not unseal the cluster any more
    Remove(remove::Arguments),
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    match arguments.command {
        None => {
            globals.client()?.put("sys/seal", &json!({})).await.doing("sealing")?.ok().doing("sealing")?;
            output::say("Success! Holdfast is sealed.")
        }
        Some(Command::List(arguments)) => list::run(arguments, globals).await,
        Some(Command::Add(arguments)) => add::run(arguments, globals).await,
        Some(Command::Remove(arguments)) => remove::run(arguments, globals).await,
    }
}
