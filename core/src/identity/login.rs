//! Who logs in: the entity of what an auth method has found out, made at the first time, in the login's own batch.

use std::collections::BTreeMap;

use sdk::{Failure, Result, folded};
use storage::{Millis, Txn};

use super::alias::{Alias, add, alias, name_key};
use super::entity::{Entity, Told, for_update, make, put};
use super::group::{GroupKind, group};
use super::group_alias::group_by_alias;
use super::membership::{join, leave};
use super::{check_name, check_said};

/// How many groups an auth method may say that somebody is in.
const GROUPS_MAX: usize = 4_096;

/// What an auth method says of who has logged in.
pub struct Arrival<'a> {
    pub mount_accessor: &'a str,
    /// The same at each login of the same user.
    pub alias: &'a str,
    /// `None` leaves what was said before.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// What the mount calls the groups that the user is in; `None` if it cannot tell.
    pub groups: Option<&'a [String]>,
}

/// The entity that has that alias, made if there is none, and put into the external groups that the mount names. Refused if it
/// is disabled. Of two first logins of one user, one runs again.
pub fn arrive(txn: &mut Txn, now: Millis, arrival: &Arrival<'_>) -> Result<Entity> {
    let Arrival { mount_accessor, alias: name, metadata, groups } = *arrival;
    if let Some(metadata) = metadata {
        check_said(metadata)?;
    }
    let (mut entity, mut changed) = match alias(txn, mount_accessor, name)? {
        Some(alias) => known(txn, now, &alias, metadata)?,
        None => (first(txn, now, arrival)?, false),
    };
    if entity.disabled {
        return Err(Failure::denied("permission denied"));
    }
    if let Some(groups) = groups {
        changed |= refresh(txn, &mut entity, arrival, groups)?;
    }
    if changed {
        put(txn, &entity)?;
    }
    Ok(entity)
}

fn known(
    txn: &mut Txn,
    now: Millis,
    alias: &Alias,
    metadata: Option<&BTreeMap<String, String>>,
) -> Result<(Entity, bool)> {
    let lost = || Failure::internal("an alias leads to no entity");
    let mut entity = super::entity(txn, &alias.canonical_id)?.ok_or_else(lost)?;
    let Some(metadata) = metadata.filter(|now| **now != alias.metadata.clone().unwrap_or_default()) else {
        return Ok((entity, false));
    };
    for kept in entity.aliases.iter_mut().filter(|kept| kept.id == alias.id) {
        (kept.metadata, kept.updated) = (Some(metadata.clone()), now);
    }
    Ok((entity, true))
}

fn first(txn: &mut Txn, now: Millis, arrival: &Arrival<'_>) -> Result<Entity> {
    check_name("an alias", arrival.alias)?;
    // Those who come at the same moment wait here, and then find it.
    txn.latch(&name_key(arrival.mount_accessor, arrival.alias))?;
    let mut entity = make(txn, now)?;
    let metadata = arrival.metadata.filter(|metadata| !metadata.is_empty()).cloned();
    let alias = Alias { metadata, ..Alias::new(now, arrival.mount_accessor, arrival.alias, &entity.id) };
    add(txn, &mut entity, alias)?;
    Ok(entity)
}

/// Only groups of the same mount are left, and what counts no more: others are not its to tell of.
fn refresh(txn: &mut Txn, entity: &mut Entity, arrival: &Arrival<'_>, names: &[String]) -> Result<bool> {
    if names.len() > GROUPS_MAX {
        return Err(Failure::invalid(format!("the auth method names more than {GROUPS_MAX} groups")));
    }
    let mount = arrival.mount_accessor;
    let own = entity.aliases.iter().find(|alias| alias.is(mount, arrival.alias));
    let own = own.ok_or_else(|| Failure::internal("who has logged in has not the alias"))?.id.clone();
    let mut wanted = BTreeMap::new();
    for name in names {
        let named = group_by_alias(txn, mount, name)?.filter(|group| group.kind == GroupKind::External);
        let told = || Told { alias: own.clone(), mount_accessor: mount.to_owned(), group: folded(name) };
        wanted.extend(named.map(|group| (group.id, told())));
    }
    let mut changed = false;
    for id in entity.groups.clone() {
        let goes = group(txn, &id)?.is_some_and(|group| {
            let by = entity.told_of(&group);
            group.kind == GroupKind::External && by.is_none_or(|by| by == mount)
        });
        if goes && !wanted.contains_key(&id) {
            changed = true;
            leave(txn, entity, &id);
        }
    }
    for (id, told) in wanted {
        if entity.told.get(&id) != Some(&told) || !entity.groups.contains(&id) {
            changed = true;
            join(txn, entity, &id)?;
            entity.told.insert(id, told);
        }
    }
    if changed {
        // Whoever changes it at the same time runs again, and so does this.
        for_update(txn, &entity.id)?;
    }
    Ok(changed)
}
