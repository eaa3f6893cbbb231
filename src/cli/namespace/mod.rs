//! `holdfast namespace …`

mod create;
mod delete;
mod delete_sealed;
mod list;
mod lock;
mod lookup;
mod patch;
mod scan;
mod seal;
mod seal_status;
mod unlock;
mod unseal;

use clap::Subcommand;
use serde_json::{Map, Value};

use super::failure::{Done, Failure};
use super::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Make a namespace
    Create(create::Arguments),
    /// Show the namespaces right below
    List(list::Arguments),
    /// Show all namespaces that lie below
    Scan(scan::Arguments),
    /// Show one namespace
    Lookup(lookup::Arguments),
    /// Change a namespace's metadata
    Patch(patch::Arguments),
    /// Remove a namespace with all that is in it
    Delete(delete::Arguments),
    /// Remove a sealed namespace whose shares are lost
    DeleteSealed(delete_sealed::Arguments),
    /// Answer nothing in a namespace, until it is unlocked
    Lock(lock::Arguments),
    /// Answer again in a namespace that is locked
    Unlock(unlock::Arguments),
    /// Seal a namespace that has a seal of its own
    Seal(seal::Arguments),
    /// Give one unseal key to a namespace
    Unseal(unseal::Arguments),
    /// Show whether a namespace is sealed
    SealStatus(seal_status::Arguments),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Create(arguments) => create::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Scan(arguments) => scan::run(arguments, globals).await,
        Command::Lookup(arguments) => lookup::run(arguments, globals).await,
        Command::Patch(arguments) => patch::run(arguments, globals).await,
        Command::Delete(arguments) => delete::run(arguments, globals).await,
        Command::DeleteSealed(arguments) => delete_sealed::run(arguments, globals).await,
        Command::Lock(arguments) => lock::run(arguments, globals).await,
        Command::Unlock(arguments) => unlock::run(arguments, globals).await,
        Command::Seal(arguments) => seal::run(arguments, globals).await,
        Command::Unseal(arguments) => unseal::run(arguments, globals).await,
        Command::SealStatus(arguments) => seal_status::run(arguments, globals).await,
    }
}

/// Where the API has a namespace, or an operation on it: it is known by its name in the one that it lies in.
fn at(path: &str, operation: &str) -> Result<String, Failure> {
    let path = shown(path);
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(Failure::usage("A namespace has a path, such as team or team/web"));
    }
    let slash = if operation.is_empty() { "" } else { "/" };
    Ok(match path.rsplit_once('/') {
        Some((above, name)) => format!("{above}/sys/namespaces/{name}{slash}{operation}"),
        None => format!("sys/namespaces/{path}{slash}{operation}"),
    })
}

/// As the API writes paths of namespaces.
fn shown(path: &str) -> String {
    format!("{}/", path.trim().trim_matches('/'))
}

/// Metadata as it is given, `K=V` each.
fn metadata(given: &[String]) -> Result<Map<String, Value>, Failure> {
    super::pairs::plain(given)
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn one_is_known_by_its_name_in_the_one_above() {
        assert_eq!(at("team", "").unwrap(), "sys/namespaces/team");
        assert_eq!(at("/team/", "seal").unwrap(), "sys/namespaces/team/seal");
        assert_eq!(at("team/web/app/", "").unwrap(), "team/web/sys/namespaces/app");
        assert!(at(" / ", "").is_err());
    }
}
