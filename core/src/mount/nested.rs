//! Which mounts lie below which folder of their table: a mount is added without a look at all others.

use storage::{Access, PathKey, Read, Seg, Txn};

use super::Table;

fn below(table: Table, folder: &str) -> PathKey {
    PathKey::kind("mounts-below").plain(table.name()).name(folder)
}

/// The folders that a mount's path lies in: `a/` and `a/b/` for `a/b/c/`.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches('/').match_indices('/').map(|(end, _)| &path[..=end])
}

pub(super) fn note(txn: &mut Txn, table: Table, path: &str) -> Result<(), Access> {
    folders(path).try_for_each(|folder| txn.put(&below(table, folder).name(path), &true))
}

pub(super) fn forget(txn: &mut Txn, table: Table, path: &str) {
    folders(path).for_each(|folder| txn.delete(&below(table, folder).name(path)));
}

/// A mount below the folder, if there was one when the transaction began, other than the one that it moves away.
pub(super) fn one_below(txn: &Txn, table: Table, folder: &str, moving: Option<&str>) -> Result<Option<String>, Access> {
    let found = txn.range(&below(table, folder), None, 2)?;
    let names = found.iter().filter_map(|key| match key.segs().last() {
        Some(Seg::Name(name)) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => None,
    });
    Ok(names.into_iter().find(|name| moving != Some(name)))
}
