//! Entities.

use std::collections::BTreeMap;

use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Txn};

use super::alias::{Alias, forget_alias};
use super::group::Group;
use super::membership::leave_all;
use super::mfa::{Goes, forget_keys, unbind};
use super::{check_metadata, check_name, check_policies, folded, folder, free_name, new_id, settle};

/// How many entities one request deletes or merges.
pub const BATCH_MAX: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    pub id: String,
    pub name: String,
    /// `None` was never set.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Lower case, sorted, each once.
    pub policies: Vec<String>,
    /// Neither its tokens nor its logins count.
    pub disabled: bool,
    pub created: Millis,
    pub updated: Millis,
    /// Those that became part of this one.
    pub merged_ids: Vec<String>,
    /// At most one of each mount.
    pub aliases: Vec<Alias>,
    /// The groups that it is in directly. One that is not there any more counts for nothing.
    pub groups: Vec<String>,
    /// Of those that are external, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, Told>,
}

/// By what an entity is in an external group: a mount has called it so of whoever has logged in by an alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The id of the entity's alias.
    pub alias: String,
    pub mount_accessor: String,
    /// What the mount calls the group.
    pub group: String,
}

impl Entity {
    pub(super) fn new(now: Millis) -> Self {
        Self { id: new_id(), created: now, updated: now, ..Self::default() }
    }

    pub fn alias_of(&self, mount_accessor: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.mount_accessor == mount_accessor)
    }

    /// The mount that says it is in this external group, while the alias that it said so of and the group's are what they
    /// were. Whether the mount is there is asked elsewhere.
    pub(super) fn told_of(&self, group: &Group) -> Option<&str> {
        let told = self.told.get(&group.id)?;
        let own = self.aliases.iter().find(|alias| alias.id == told.alias)?;
        let same = group.alias.as_ref().is_some_and(|alias| alias.is(&told.mount_accessor, &told.group));
        (same && own.mount_accessor == told.mount_accessor).then_some(&told.mount_accessor)
    }

    pub(super) fn settled(mut self) -> Self {
        settle(&mut self.metadata);
        self.aliases.iter_mut().for_each(Alias::settle);
        self
    }
}

pub(super) fn entities() -> PathKey {
    folder("entity")
}

pub(super) fn entity_key(id: &str) -> PathKey {
    entities().plain(id)
}

fn name_key(name: &str) -> PathKey {
    folder("entity-name").name(folded(name))
}

pub(super) fn merged_key(id: &str) -> PathKey {
    folder("merged").plain(id)
}

pub fn entity(read: &impl Read, id: &str) -> Result<Option<Entity>, Access> {
    read.get(&entity_key(id))
}

pub fn entity_by_name(read: &impl Read, name: &str) -> Result<Option<Entity>, Access> {
    match read.get::<String>(&name_key(name))? {
        Some(id) => entity(read, &id),
        None => Ok(None),
    }
}

/// A page of ids.
pub fn entity_ids(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    read.page(&entities(), after, limit)
}

/// A page of names, as they were written.
pub fn entity_names(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    let mut names = Vec::new();
    for name in read.page(&folder("entity-name"), after.map(folded).as_deref(), limit)? {
        names.push(entity_by_name(read, &name)?.map_or(name, |entity| entity.name));
    }
    Ok(names)
}

pub(super) fn for_update(txn: &Txn, id: &str) -> Result<Option<Entity>, Access> {
    txn.get_for_update(&entity_key(id))
}

pub(super) fn put(txn: &mut Txn, entity: &Entity) -> Result<(), Access> {
    txn.put(&entity_key(&entity.id), entity)
}

/// Takes a name that is known to be free.
fn take_name(txn: &mut Txn, entity: &Entity) -> Result<(), Access> {
    txn.put(&name_key(&entity.name), &entity.id)
}

/// What is to be written of an entity. What is absent stays as it was.
#[derive(Default)]
pub struct EntityChange {
    pub id: Option<String>,
    pub name: Option<String>,
    pub policies: Option<Vec<String>>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub disabled: Option<bool>,
}

/// Changes the entity with that id, or else with that name, or makes one: then it is the answer.
pub fn write_entity(txn: &mut Txn, now: Millis, change: EntityChange) -> Result<Option<Entity>> {
    let by_id = match change.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some(for_update(txn, id)?.ok_or_else(|| Failure::invalid("entity not found from id"))?),
        None => None,
    };
    let name = change.name.filter(|name| !name.is_empty());
    let mut found = by_id;
    if let Some(name) = &name {
        check_name("an entity", name)?;
        let holder = txn.get_for_update::<String>(&name_key(name))?;
        match (holder, &found) {
            (None, _) => {}
            (Some(holder), None) => found = for_update(txn, &holder)?,
            (Some(holder), Some(entity)) if entity.id == holder => {}
            _ => return Err(Failure::invalid("entity name is already in use")),
        }
    }
    let is_new = found.is_none();
    let mut entity = found.map_or_else(|| Entity::new(now), Entity::settled);
    let before = entity.name.clone();
    if let Some(policies) = change.policies {
        entity.policies = check_policies(&policies)?;
    }
    if let Some(metadata) = change.metadata {
        check_metadata("entity", &metadata)?;
        entity.metadata = Some(metadata);
    }
    entity.disabled = change.disabled.unwrap_or(entity.disabled);
    entity.updated = now;
    entity.name = match name {
        Some(name) => name,
        None if is_new => free_name(txn, "entity", name_key)?,
        None => before.clone(),
    };
    if folded(&before) != folded(&entity.name) && !is_new {
        txn.delete(&name_key(&before));
    }
    take_name(txn, &entity)?;
    put(txn, &entity)?;
    Ok(Some(entity).filter(|_| is_new))
}

/// Makes an entity that nobody has named.
pub(super) fn make(txn: &mut Txn, now: Millis) -> Result<Entity> {
    let entity = Entity { name: free_name(txn, "entity", name_key)?, ..Entity::new(now) };
    take_name(txn, &entity)?;
    Ok(entity)
}

/// Deletes an entity with its aliases and memberships, unless a second factor is asked of nobody else. Its tokens count no
/// more.
pub fn delete_entity(txn: &mut Txn, id: &str) -> Result<bool> {
    let Some(entity) = for_update(txn, id)? else { return Ok(false) };
    unbind(txn, Goes::Entity(&entity))?;
    for alias in &entity.aliases {
        forget_alias(txn, alias);
    }
    for merged in &entity.merged_ids {
        txn.delete(&merged_key(merged));
    }
    remove(txn, &entity)?;
    Ok(true)
}

/// Removes what is an entity's own. Its aliases may be another's by now.
pub(super) fn remove(txn: &mut Txn, entity: &Entity) -> Result<(), Access> {
    leave_all(txn, entity)?;
    forget_keys(txn, &entity.id)?;
    txn.delete(&name_key(&entity.name));
    txn.delete(&entity_key(&entity.id));
    Ok(())
}
