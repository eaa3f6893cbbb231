//! `keys/:name/soft-delete` and `…/soft-delete-restore`: a key that nobody can use, until it can be again.

use sdk::{Answer, Ctx, Input, Path, Result, Txn, Verb};

use crate::name::Name;
use crate::record::Key;
use crate::show;

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
}

pub fn path() -> Path {
    Path::new("keys/:name/soft-delete")
        .help("Takes a key out of use.", "It keeps its versions and settings.")
        .txn(Verb::Delete, |_: &Ctx, which: Which, txn: &mut Txn| set(which, true, txn))
}

pub fn restore() -> Path {
    Path::new("keys/:name/soft-delete-restore")
        .help("Takes a key back into use.", "It is what it was.")
        .txn(Verb::Write, |_: &Ctx, which: Which, txn: &mut Txn| set(which, false, txn))
}

fn set(which: Which, deleted: bool, txn: &mut Txn) -> Result<Answer> {
    let name = which.name.checked()?;
    let Some(mut key) = Key::take(txn, &name)? else { return Ok(Answer::empty()) };
    let before = std::mem::replace(&mut key.soft_deleted, deleted);
    key.put(txn, &name)?;
    let answer = show::show(txn, &name, &key, &[])?;
    Ok(match (before == deleted, deleted) {
        (false, _) => answer,
        (true, true) => answer.warn("key was already marked as soft deleted"),
        (true, false) => answer.warn("key was already restored"),
    })
}
