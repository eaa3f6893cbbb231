//! Who is in which group.
//!
//! Up is in the records of the members, down in an index of the group; both change in one batch.

use std::collections::BTreeSet;

use sdk::{Failure, Result};
use storage::{Access, Millis, PathKey, Read, Seg, Txn};

use super::entity::{self, Entity};
use super::folder;
use super::group::{self, Group, upwards};

/// How many members of a group one request can change. A larger group grows by several.
pub const CHANGES_MAX: usize = 4_096;

/// How deep groups can be nested.
pub const DEPTH_MAX: usize = 32;

/// How many groups an entity can be in directly, and a group in others.
const DIRECT_MAX: usize = 256;

/// How many groups are followed upwards from one entity, and looked at downwards from one group.
pub(super) const GROUPS_MAX: usize = 4_096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Entity,
    Group,
}

/// The ids of who is in a group.
pub struct Members {
    pub entities: Vec<String>,
    pub groups: Vec<String>,
}

fn members_folder(group: &str) -> PathKey {
    folder("member").plain(group)
}

fn members_of(group: &str, of: Of) -> PathKey {
    members_folder(group).plain(match of {
        Of::Entity => "entity",
        Of::Group => "group",
    })
}

fn member_key(group: &str, of: Of, id: &str) -> PathKey {
    members_of(group, of).plain(id)
}

fn size_key(group: &str) -> PathKey {
    folder("size").plain(group)
}

/// Who is directly in a group. In a transaction: who was when it began.
pub fn members(read: &impl Read, group: &str) -> Result<Members, Access> {
    Ok(Members { entities: ids(read, group, Of::Entity)?, groups: ids(read, group, Of::Group)? })
}

/// Of a group that is being made: what is counted has to be there.
pub(super) fn begin_size(txn: &mut Txn, group: &str) {
    txn.set_counter(&size_key(group), 0);
}

/// How many entities are directly in a group.
pub fn size(read: &impl Read, group: &str) -> Result<i64, Access> {
    Ok(read.counter(&size_key(group))?.unwrap_or(0))
}

fn ids(read: &impl Read, group: &str, of: Of) -> Result<Vec<String>, Access> {
    let keys = read.range(&members_of(group, of), None, usize::MAX)?;
    Ok(keys.iter().filter_map(last).collect())
}

fn last(key: &PathKey) -> Option<String> {
    match key.segs().last()? {
        Seg::Plain(bytes) | Seg::Name(bytes) => String::from_utf8(bytes.clone()).ok(),
    }
}

fn distinct(ids: &[String]) -> BTreeSet<String> {
    ids.iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect()
}

/// Who comes and who goes when a group is to have these members.
fn difference(txn: &Txn, group: &str, of: Of, wanted: &BTreeSet<String>) -> Result<(Vec<String>, Vec<String>)> {
    let now: BTreeSet<String> = ids(txn, group, of)?.into_iter().collect();
    let come: Vec<String> = wanted.difference(&now).cloned().collect();
    let go: Vec<String> = now.difference(wanted).cloned().collect();
    if come.len() + go.len() > CHANGES_MAX {
        return Err(Failure::invalid(format!(
            "one request can change at most {CHANGES_MAX} members of a group; do it in several"
        )));
    }
    Ok((come, go))
}

/// Gives a group these entities and no others.
pub(super) fn set_entities(txn: &mut Txn, group: &str, wanted: &[String]) -> Result<()> {
    let (come, go) = difference(txn, group, Of::Entity, &distinct(wanted))?;
    for id in come {
        let unknown = || Failure::invalid(format!("invalid entity ID {:?}", shown(&id)));
        let mut entity = entity::for_update(txn, &id)?.ok_or_else(unknown)?;
        join(txn, &mut entity, group)?;
        entity::put(txn, &entity)?;
    }
    for id in go {
        if let Some(mut entity) = entity::for_update(txn, &id)? {
            leave(txn, &mut entity, group);
            entity::put(txn, &entity)?;
        }
    }
    Ok(())
}

fn shown(id: &str) -> String {
    id.chars().take(64).collect()
}

/// The caller stores the entity.
pub(super) fn join(txn: &mut Txn, entity: &mut Entity, group: &str) -> Result<()> {
    if entity.groups.iter().any(|id| id == group) {
        return Ok(());
    }
    if entity.groups.len() >= DIRECT_MAX {
        let mut there = Vec::new();
        for id in &entity.groups {
            if group::group(txn, id)?.is_some() {
                there.push(id.clone());
            }
        }
        entity.groups = there;
        let groups = &entity.groups;
        entity.told.retain(|id, _| groups.contains(id));
    }
    if entity.groups.len() >= DIRECT_MAX {
        let text = format!("the entity {:?} is in {DIRECT_MAX} groups already, which is the most", entity.id);
        return Err(Failure::invalid(text));
    }
    entity.groups.push(group.to_owned());
    txn.put(&member_key(group, Of::Entity, &entity.id), &())?;
    txn.add_counter(&size_key(group), 1, i64::MIN);
    Ok(())
}

/// The caller stores the entity.
pub(super) fn leave(txn: &mut Txn, entity: &mut Entity, group: &str) {
    if entity.groups.iter().any(|id| id == group) {
        entity.groups.retain(|id| id != group);
        entity.told.remove(group);
        txn.delete(&member_key(group, Of::Entity, &entity.id));
        txn.add_counter(&size_key(group), -1, i64::MIN);
    }
}

/// Takes it out of the groups that somebody was told to be in by that alias. The caller stores the entity.
pub(super) fn leave_told_by(txn: &mut Txn, entity: &mut Entity, alias: &str) -> Result<(), Access> {
    let told = entity.told.iter().filter(|(_, told)| told.alias == alias);
    for id in told.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
        if group::group(txn, &id)?.is_some() {
            leave(txn, entity, &id);
        }
        entity.told.remove(&id);
    }
    Ok(())
}

/// Of an entity that is not going to be there any more.
pub(super) fn leave_all(txn: &mut Txn, entity: &Entity) -> Result<(), Access> {
    for id in &entity.groups {
        // Of a group that was deleted there is nothing left to count.
        if group::group(txn, id)?.is_some() {
            txn.delete(&member_key(id, Of::Entity, &entity.id));
            txn.add_counter(&size_key(id), -1, i64::MIN);
        }
    }
    Ok(())
}

/// Puts these groups into a group, and takes all others out of it.
pub(super) fn set_groups(txn: &mut Txn, now: Millis, group: &Group, wanted: &[String]) -> Result<()> {
    let (come, go) = difference(txn, &group.id, Of::Group, &distinct(wanted))?;
    for id in go {
        if let Some(mut member) = group::for_update(txn, &id)? {
            member.parents.iter_mut().for_each(|parents| parents.retain(|parent| *parent != group.id));
            group::put(txn, now, member)?;
        }
        txn.delete(&member_key(&group.id, Of::Group, &id));
    }
    if come.is_empty() {
        return Ok(());
    }
    let above = upwards(group.parents(), |id| group::group(txn, id))?;
    if above.cut {
        return Err(Failure::invalid(format!("a group may be in at most {GROUPS_MAX} groups, with those above them")));
    }
    let above: BTreeSet<String> = above.groups.into_iter().map(|group| group.id).collect();
    let height_above = levels_above(txn, group)?;
    for id in come {
        if id == group.id {
            return Err(Failure::invalid(format!("member group ID {id:?} is same as the ID of the group")));
        }
        let unknown = || Failure::invalid(format!("invalid member group ID {:?}", shown(&id)));
        let mut member = group::for_update(txn, &id)?.ok_or_else(unknown)?;
        if above.contains(&id) {
            return Err(Failure::invalid(format!("cyclic relationship detected for member group ID {id:?}")));
        }
        if height_above + 1 + levels_below(txn, &id)? > DEPTH_MAX {
            return Err(Failure::invalid(format!("groups can be nested at most {DEPTH_MAX} deep")));
        }
        if member.parents().len() >= DIRECT_MAX {
            let text = format!("the group {id:?} is in {DIRECT_MAX} groups already, which is the most");
            return Err(Failure::invalid(text));
        }
        let parents = member.parents.get_or_insert_default();
        // What was in a group that is not there any more has no use for its id.
        parents.retain(|parent| *parent != group.id);
        parents.push(group.id.clone());
        group::put(txn, now, member)?;
        txn.put(&member_key(&group.id, Of::Group, &id), &())?;
    }
    Ok(())
}

fn levels_above(txn: &Txn, group: &Group) -> Result<usize> {
    levels(group.parents().to_vec(), |id| {
        Ok(group::group(txn, id)?.map(|group| group.parents().to_vec()).unwrap_or_default())
    })
}

fn levels_below(txn: &Txn, id: &str) -> Result<usize> {
    levels(ids(txn, id, Of::Group)?, |id| ids(txn, id, Of::Group))
}

fn levels(first: Vec<String>, next: impl Fn(&str) -> Result<Vec<String>, Access>) -> Result<usize> {
    let (mut level, mut depth, mut looked_at) = (first, 0, 0);
    while !level.is_empty() {
        depth += 1;
        looked_at += level.len();
        if depth > DEPTH_MAX || looked_at > GROUPS_MAX {
            return Err(Failure::invalid(format!(
                "groups can be nested at most {DEPTH_MAX} deep, with at most {GROUPS_MAX} on one side of a group"
            )));
        }
        let mut further = BTreeSet::new();
        for id in &level {
            further.extend(next(id)?);
        }
        level = further.into_iter().collect();
    }
    Ok(depth)
}

/// Of a group that is not going to be there any more.
pub(super) fn forget_members(txn: &mut Txn, group: &Group) {
    for parent in group.parents() {
        txn.delete(&member_key(parent, Of::Group, &group.id));
    }
    txn.delete_folder(&members_folder(&group.id));
    txn.delete_counter(&size_key(&group.id));
}
