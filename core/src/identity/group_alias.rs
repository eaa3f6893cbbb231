//! What a mount calls an external group.

use sdk::{Failure, Result};
use storage::{Access, Millis, PathKey, Read, Txn};

use super::alias::Alias;
use super::group::{Group, GroupKind, by_index, for_update, put, rename};
use super::membership::begin_size;
use super::{check_name, folded, folder, new_id};

fn group_aliases() -> PathKey {
    folder("group-alias")
}

fn alias_name_key(mount_accessor: &str, name: &str) -> PathKey {
    folder("group-alias-name").plain(mount_accessor).name(folded(name))
}

/// The external group that a mount calls so.
pub fn group_by_alias(read: &impl Read, mount_accessor: &str, name: &str) -> Result<Option<Group>, Access> {
    by_index(read, &alias_name_key(mount_accessor, name))
}

/// The external group whose alias has this id.
pub fn group_by_alias_id(read: &impl Read, id: &str) -> Result<Option<Group>, Access> {
    by_index(read, &group_aliases().plain(id))
}

/// A page of the ids of group aliases.
pub fn group_alias_ids(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    read.page(&group_aliases(), after, limit)
}

fn note_alias(txn: &mut Txn, alias: &Alias) -> Result<(), Access> {
    txn.put(&group_aliases().plain(&alias.id), &alias.canonical_id)?;
    txn.put(&alias_name_key(&alias.mount_accessor, &alias.name), &alias.canonical_id)
}

pub(super) fn forget_alias(txn: &mut Txn, alias: &Alias) {
    txn.delete(&group_aliases().plain(&alias.id));
    txn.delete(&alias_name_key(&alias.mount_accessor, &alias.name));
}

/// What is to be written of a group's alias. That the mount is there, the caller has made sure of.
pub struct GroupAliasChange {
    /// Of one that is there.
    pub id: Option<String>,
    pub name: String,
    pub mount_accessor: String,
    pub canonical_id: Option<String>,
}

/// Changes or makes an alias of an external group, which is made too if none is named. Answers it if there was anything to do.
pub fn write_group_alias(txn: &mut Txn, now: Millis, change: GroupAliasChange) -> Result<Option<Alias>> {
    let GroupAliasChange { id, name, mount_accessor, canonical_id } = change;
    let canonical_id = canonical_id.filter(|id| !id.is_empty());
    let mut holder = match &id {
        Some(id) => {
            let holder = group_by_alias_id(txn, id)?.ok_or_else(|| Failure::invalid("invalid group alias ID"))?;
            for_update(txn, &holder.id)?
        }
        None => None,
    };
    let before = holder.as_mut().and_then(|group| group.alias.take());
    check_name("a group alias", &name)?;
    if let Some(before) = &before
        && before.name == name
        && before.mount_accessor == mount_accessor
        && canonical_id.as_ref().is_none_or(|id| *id == before.canonical_id)
    {
        return Ok(None);
    }
    let mut target = match (&canonical_id, &before) {
        (Some(id), Some(before)) if *id == before.canonical_id => None,
        (None, Some(_)) => None,
        (Some(id), _) => {
            let missing = || Failure::invalid("invalid group ID given in 'canonical_id'");
            Some(for_update(txn, id)?.ok_or_else(missing)?)
        }
        (None, None) => {
            let mut made = Group { id: new_id(), kind: GroupKind::External, created: now, ..Group::default() };
            rename(txn, &mut made, None, true)?;
            begin_size(txn, &made.id);
            Some(made)
        }
    };
    if target.as_ref().is_some_and(|group| group.kind == GroupKind::Internal) {
        return Err(Failure::invalid("alias can't be set on an internal group"));
    }
    txn.latch(&alias_name_key(&mount_accessor, &name))?;
    let other = group_by_alias(txn, &mount_accessor, &name)?.and_then(|group| group.alias);
    if other.is_some_and(|other| before.as_ref().is_none_or(|before| before.id != other.id)) {
        return Err(Failure::invalid("combination of mount and group alias name is already in use"));
    }
    if let Some(before) = &before {
        forget_alias(txn, before);
    }
    if target.is_some()
        && let Some(previous) = holder.take()
    {
        put(txn, now, previous)?;
    }
    let Some(mut group) = target.take().or(holder) else { return Err(Failure::internal("an alias without a group")) };
    // An external group has one alias: the one that it had makes room.
    if let Some(replaced) = group.alias.take() {
        forget_alias(txn, &replaced);
    }
    let mut alias = before.unwrap_or_else(|| Alias::new(now, &mount_accessor, &name, &group.id));
    (alias.name, alias.mount_accessor, alias.canonical_id, alias.updated) =
        (name, mount_accessor, group.id.clone(), now);
    note_alias(txn, &alias)?;
    group.alias = Some(alias.clone());
    put(txn, now, group)?;
    Ok(Some(alias))
}

pub fn delete_group_alias(txn: &mut Txn, now: Millis, id: &str) -> Result<()> {
    let Some(holder) = group_by_alias_id(txn, id)? else { return Ok(()) };
    let Some(mut group) = for_update(txn, &holder.id)? else { return Ok(()) };
    if let Some(alias) = group.alias.take() {
        forget_alias(txn, &alias);
    }
    put(txn, now, group)?;
    Ok(())
}
