//! Aliases: what an entity is called at a mount.

use std::collections::BTreeMap;

use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Txn};

use super::entity::{Entity, entity, for_update, make, put};
use super::membership::leave_told_by;
use super::{check_custom_metadata, check_name, folded, folder, new_id, settle};

/// How many mounts an entity can log in at.
pub(super) const ALIASES_MAX: usize = 256;

/// Of an entity, or of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub id: String,
    pub name: String,
    /// Accessors are never given twice, so what belonged to a mount that was removed is nobody else's.
    pub mount_accessor: String,
    /// The entity or group that it is an alias of.
    pub canonical_id: String,
    /// What the auth method said of it at the last login.
    pub metadata: Option<BTreeMap<String, String>>,
    /// What somebody has written down about it.
    pub custom_metadata: Option<BTreeMap<String, String>>,
    pub created: Millis,
    pub updated: Millis,
    /// The entities that it belonged to before they were merged, the latest of them.
    pub merged_from: Vec<String>,
}

impl Alias {
    pub(super) fn new(now: Millis, mount_accessor: &str, name: &str, canonical_id: &str) -> Self {
        Self {
            id: new_id(),
            name: name.to_owned(),
            mount_accessor: mount_accessor.to_owned(),
            canonical_id: canonical_id.to_owned(),
            created: now,
            updated: now,
            ..Self::default()
        }
    }

    pub(super) fn is(&self, mount_accessor: &str, name: &str) -> bool {
        self.mount_accessor == mount_accessor && folded(&self.name) == folded(name)
    }

    pub(super) fn settle(&mut self) {
        settle(&mut self.metadata);
        settle(&mut self.custom_metadata);
    }
}

fn aliases() -> PathKey {
    folder("alias")
}

fn alias_key(id: &str) -> PathKey {
    aliases().plain(id)
}

pub(super) fn name_key(mount_accessor: &str, name: &str) -> PathKey {
    folder("alias-name").plain(mount_accessor).name(folded(name))
}

/// The alias that a mount knows by this name.
pub fn alias(read: &impl Read, mount_accessor: &str, name: &str) -> Result<Option<Alias>, Access> {
    let Some(id) = read.get::<String>(&name_key(mount_accessor, name))? else { return Ok(None) };
    Ok(entity(read, &id)?.and_then(|entity| entity.aliases.into_iter().find(|alias| alias.is(mount_accessor, name))))
}

pub fn alias_by_id(read: &impl Read, id: &str) -> Result<Option<Alias>, Access> {
    let Some(owner) = read.get::<String>(&alias_key(id))? else { return Ok(None) };
    Ok(entity(read, &owner)?.and_then(|entity| entity.aliases.into_iter().find(|alias| alias.id == id)))
}

/// A page of ids.
pub fn alias_ids(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    read.page(&aliases(), after, limit)
}

/// Has an alias found as its entity's.
pub(super) fn note_alias(txn: &mut Txn, alias: &Alias) -> Result<(), Access> {
    txn.put(&alias_key(&alias.id), &alias.canonical_id)?;
    txn.put(&name_key(&alias.mount_accessor, &alias.name), &alias.canonical_id)
}

pub(super) fn forget_alias(txn: &mut Txn, alias: &Alias) {
    txn.delete(&alias_key(&alias.id));
    txn.delete(&name_key(&alias.mount_accessor, &alias.name));
}

pub(super) fn check_room(entity: &Entity) -> Result<()> {
    if entity.aliases.len() >= ALIASES_MAX {
        return Err(Failure::invalid(format!("an entity may have at most {ALIASES_MAX} aliases")));
    }
    Ok(())
}

/// What is to be written of an alias. That the mount is there, the caller has made sure of.
#[derive(Default)]
pub struct AliasChange {
    pub id: Option<String>,
    pub name: Option<String>,
    pub mount_accessor: Option<String>,
    pub canonical_id: Option<String>,
    /// Of one that is named by its id it stays if it is absent; otherwise there is none then.
    pub custom_metadata: Option<BTreeMap<String, String>>,
}

/// Changes the alias with that id, or else with that mount and name, or makes one. Answers it if there was anything to do.
pub fn write_alias(txn: &mut Txn, now: Millis, change: AliasChange) -> Result<Option<Alias>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (name, mount, owner) = (given(change.name), given(change.mount_accessor), given(change.canonical_id));
    if let Some(custom) = &change.custom_metadata {
        check_custom_metadata(custom)?;
    }
    if let Some(name) = &name {
        check_name("an alias", name)?;
    }
    if let Some(id) = given(change.id) {
        let alias = alias_by_id(txn, &id)?.ok_or_else(|| Failure::invalid("invalid alias ID provided"))?;
        let to = Alias {
            name: name.unwrap_or_else(|| alias.name.clone()),
            mount_accessor: mount.unwrap_or_else(|| alias.mount_accessor.clone()),
            canonical_id: owner.unwrap_or_else(|| alias.canonical_id.clone()),
            custom_metadata: change.custom_metadata.or_else(|| alias.custom_metadata.clone()),
            ..alias.clone()
        };
        return update(txn, now, &alias, to);
    }
    let (Some(name), Some(mount)) = (name, mount) else {
        return Err(Failure::invalid("'id' or 'mount_accessor' and 'name' must be provided"));
    };
    let custom = change.custom_metadata.unwrap_or_default();
    txn.latch(&name_key(&mount, &name))?;
    if let Some(alias) = alias(txn, &mount, &name)? {
        let canonical_id = owner.unwrap_or_else(|| alias.canonical_id.clone());
        let to = Alias { name, canonical_id, custom_metadata: Some(custom), ..alias.clone() };
        return update(txn, now, &alias, to);
    }
    let mut entity = match owner {
        Some(id) => for_update(txn, &id)?.ok_or_else(|| Failure::invalid("invalid canonical ID"))?.settled(),
        None => make(txn, now)?,
    };
    if entity.alias_of(&mount).is_some() {
        return Err(Failure::invalid("Alias already exists for requested entity and mount accessor"));
    }
    let alias = Alias { custom_metadata: Some(custom), ..Alias::new(now, &mount, &name, &entity.id) };
    add(txn, &mut entity, alias.clone())?;
    Ok(Some(alias))
}

/// Gives an entity one more alias.
pub(super) fn add(txn: &mut Txn, entity: &mut Entity, alias: Alias) -> Result<()> {
    check_room(entity)?;
    note_alias(txn, &alias)?;
    entity.aliases.push(alias);
    Ok(put(txn, entity)?)
}

fn update(txn: &mut Txn, now: Millis, alias: &Alias, mut to: Alias) -> Result<Option<Alias>> {
    let custom = |alias: &Alias| alias.custom_metadata.clone().unwrap_or_default();
    if to.name == alias.name
        && to.mount_accessor == alias.mount_accessor
        && to.canonical_id == alias.canonical_id
        && custom(&to) == custom(alias)
    {
        return Ok(None);
    }
    let lost = || Failure::invalid("given alias is not associated with an entity");
    let mut owner = for_update(txn, &alias.canonical_id)?.ok_or_else(lost)?.settled();
    let moves = to.canonical_id != alias.canonical_id;
    if !moves && to.mount_accessor != alias.mount_accessor && owner.alias_of(&to.mount_accessor).is_some() {
        let text = "Alias cannot be updated as the entity already has an alias for the given 'mount_accessor' ";
        return Err(Failure::invalid(text));
    }
    let named = name_key(&to.mount_accessor, &to.name);
    txn.latch(&named)?;
    if super::alias(txn, &to.mount_accessor, &to.name)?.is_some_and(|other| other.id != to.id) {
        return Err(Failure::invalid("alias with combination of mount accessor and name already exists"));
    }
    to.updated = now;
    if moves || to.mount_accessor != alias.mount_accessor {
        leave_told_by(txn, &mut owner, &alias.id)?;
    }
    if !moves {
        forget_alias(txn, alias);
        note_alias(txn, &to)?;
        owner.aliases.iter_mut().filter(|kept| kept.id == to.id).for_each(|kept| *kept = to.clone());
        put(txn, &owner)?;
        return Ok(Some(to));
    }
    let missing = || Failure::invalid("given 'canonical_id' is not associated with an entity");
    let mut other = for_update(txn, &to.canonical_id)?.ok_or_else(missing)?.settled();
    if other.alias_of(&to.mount_accessor).is_some() {
        let text = "Alias cannot be updated as the given entity already has an alias for this mount ";
        return Err(Failure::invalid(text));
    }
    forget_alias(txn, alias);
    owner.aliases.retain(|kept| kept.id != to.id);
    put(txn, &owner)?;
    add(txn, &mut other, to.clone())?;
    Ok(Some(to))
}

/// Deletes an alias. Its entity stays, but not in the groups that it was told to be in by that name.
pub fn delete_alias(txn: &mut Txn, id: &str) -> Result<()> {
    let Some(alias) = alias_by_id(txn, id)? else { return Ok(()) };
    let Some(mut entity) = for_update(txn, &alias.canonical_id)?.map(Entity::settled) else { return Ok(()) };
    forget_alias(txn, &alias);
    entity.aliases.retain(|kept| kept.id != id);
    leave_told_by(txn, &mut entity, id)?;
    Ok(put(txn, &entity)?)
}
