//! `keys/:name/soft-delete` and `…/soft-delete-restore`: a key that nobody can use, until it can be again.

use sdk::{Ctx, Input, Name, Path, Reply, Result, Txn, Verb};

use crate::record::Key;
use crate::show::{Shown, show};

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
}

pub fn path() -> Path {
    Path::new("keys/:name/soft-delete")
        .ids([(Verb::Delete, "transit-soft-delete-key")])
        .help("Takes a key out of use.", "It keeps its versions and settings.")
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| set(which, true, txn))
}

pub fn restore() -> Path {
    Path::new("keys/:name/soft-delete-restore")
        .ids([(Verb::Write, "transit-soft-delete-restore-key")])
        .help("Takes a key back into use.", "It is what it was.")
        .txn(Verb::Write, |_: &Ctx, which: Which, txn: &mut Txn| set(which, false, txn))
}

fn set(which: Which, deleted: bool, txn: &mut Txn) -> Result<Option<Reply<Shown>>> {
    let name = which.name.checked()?;
    let Some(mut key) = Key::take(txn, &name)? else { return Ok(None) };
    let before = std::mem::replace(&mut key.soft_deleted, deleted);
    key.put(txn, &name)?;
    let answer = show(txn, &name, &key, &[])?;
    Ok(Some(match (before == deleted, deleted) {
        (false, _) => answer,
        (true, true) => answer.warn("key was already marked as soft deleted"),
        (true, false) => answer.warn("key was already restored"),
    }))
}
