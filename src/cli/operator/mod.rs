//! `holdfast operator …`: what an operator does to a cluster.

mod ceremony;
mod diagnose;
mod dr;
mod generate_root;
mod import;
mod init;
mod key_status;
mod members;
mod pgp;
mod raft;
mod rekey;
mod rotate;
mod rotate_keyring;
mod seal;
mod step_down;
mod unseal;

use clap::Subcommand;

use super::failure::{Done, Failure};
use super::globals::Globals;

pub use init::numbered;

#[derive(Subcommand)]
pub enum Command {
    /// Initialise a new cluster and print its unseal keys and first token
    Init(init::Arguments),
    /// Give one unseal key to a server
    Unseal(unseal::Arguments),
    /// Seal the server; or show and change what unseals the cluster
    Seal(seal::Arguments),
    /// Make the active node hand over
    StepDown(step_down::Arguments),
    /// Make new unseal keys, by the old ones
    Rekey(rekey::Arguments),
    /// The same by the routes that need a token: sys/rotate/root, sys/rotate/recovery
    RotateKeys(rekey::Arguments),
    /// Encrypt what is written from now on with a new key
    Rotate(rotate::Arguments),
    /// The same by the newer route: sys/rotate/keyring
    RotateKeyring(rotate_keyring::Arguments),
    /// Make a root token, by the unseal keys
    GenerateRoot(generate_root::Arguments),
    /// Show which encryption key is in use, and since when
    KeyStatus(key_status::Arguments),
    /// Show the nodes, as the active one sees them
    Members(members::Arguments),
    /// The replicated store: its nodes, its backups
    #[command(subcommand)]
    Raft(raft::Command),
    /// Another cluster as the copy of this one, for disasters
    #[command(subcommand)]
    Dr(dr::Command),
    /// Carry over what a running Vault or OpenBao has
    Import(import::Arguments),
    /// Check a configuration and the machine that it is for; the server need not run
    Diagnose(diagnose::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments, globals).await,
        Command::Unseal(arguments) => unseal::run(arguments, globals).await,
        Command::Seal(arguments) => seal::run(arguments, globals).await,
        Command::StepDown(arguments) => step_down::run(arguments, globals).await,
        Command::Rekey(arguments) => rekey::run(arguments, rekey::Routes::Rekey, globals).await,
        Command::RotateKeys(arguments) => rekey::run(arguments, rekey::Routes::Rotate, globals).await,
        Command::Rotate(arguments) => rotate::run(arguments, globals).await,
        Command::RotateKeyring(arguments) => rotate_keyring::run(arguments, globals).await,
        Command::GenerateRoot(arguments) => generate_root::run(arguments, globals).await,
        Command::KeyStatus(arguments) => key_status::run(arguments, globals).await,
        Command::Members(arguments) => members::run(arguments, globals).await,
        Command::Raft(command) => raft::run(command, globals).await,
        Command::Dr(command) => dr::run(command, globals).await,
        Command::Import(arguments) => import::run(arguments, globals).await,
        Command::Diagnose(arguments) => diagnose::run(arguments, globals).await,
    }
}
