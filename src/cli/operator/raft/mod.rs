//! `holdfast operator raft …`

mod autopilot;
mod demote;
mod join;
mod list_peers;
mod promote;
mod recover;
mod remove_peer;
mod snapshot;

use clap::Subcommand;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// The nodes of the cluster
    ListPeers(list_peers::Arguments),
    /// Make a new node join the cluster of another
    Join(join::Arguments),
    /// Take a node out of the cluster
    RemovePeer(remove_peer::Arguments),
    /// Let a node without a vote have one
    Promote(promote::Arguments),
    /// Take a node's vote
    Demote(demote::Arguments),
    /// Make a cluster of what is left of one; the nodes are stopped
    Recover(recover::Arguments),
    /// Backups
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// How healthy the cluster is, and what it does about it by itself
    #[command(subcommand)]
    Autopilot(autopilot::Command),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::ListPeers(arguments) => list_peers::run(arguments, globals).await,
        Command::Join(arguments) => join::run(arguments, globals).await,
        Command::RemovePeer(arguments) => remove_peer::run(arguments, globals).await,
        Command::Promote(arguments) => promote::run(arguments, globals).await,
        Command::Demote(arguments) => demote::run(arguments, globals).await,
        Command::Recover(arguments) => recover::run(arguments, globals),
        Command::Snapshot(command) => snapshot::run(command, globals).await,
        Command::Autopilot(command) => autopilot::run(command, globals).await,
    }
}
