//! Enforcements: which logins need a second factor, and which methods will do.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};

use super::folder;
use super::method::method;
use crate::identity::group::counted_in;
use crate::identity::{Entity, group, new_id, present};
use crate::mount::{Mounts, Table};

/// Of one namespace.
const ENFORCEMENTS_MAX: usize = 1_024;
/// Methods of an enforcement, and what it binds of each sort.
const LISTED_MAX: usize = 256;
/// Enforcements that ask for one method, or bind by one thing.
const NAMES_MAX: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Enforcement {
    pub id: String,
    pub name: String,
    /// Any one of them will do.
    pub method_ids: Vec<String>,
    /// Of auth mounts.
    pub accessors: Vec<String>,
    /// Of auth mounts.
    pub types: Vec<String>,
    pub group_ids: Vec<String>,
    pub entity_ids: Vec<String>,
}

/// By what a login is bound.
#[derive(Clone, Copy)]
enum By {
    Accessor,
    Type,
    Group,
    Entity,
}

impl Enforcement {
    fn selects(&self) -> impl Iterator<Item = PathKey> + '_ {
        let all = [
            (By::Accessor, &self.accessors),
            (By::Type, &self.types),
            (By::Group, &self.group_ids),
            (By::Entity, &self.entity_ids),
        ];
        all.into_iter().flat_map(|(by, values)| values.iter().map(move |value| bound_key(by, value)))
    }

    fn selected(&mut self, by: By) -> &mut Vec<String> {
        match by {
            By::Accessor => &mut self.accessors,
            By::Type => &mut self.types,
            By::Group => &mut self.group_ids,
            By::Entity => &mut self.entity_ids,
        }
    }

    fn binds_nobody(&self) -> bool {
        [&self.accessors, &self.types, &self.group_ids, &self.entity_ids].into_iter().all(Vec::is_empty)
    }

    fn indexes(&self) -> BTreeSet<PathKey> {
        self.selects().chain(self.method_ids.iter().map(|id| using_key(id))).collect()
    }
}

fn all() -> PathKey {
    folder("enforcement")
}

fn enforcement_key(name: &str) -> PathKey {
    all().name(name)
}

fn bound_key(by: By, value: &str) -> PathKey {
    let by = match by {
        By::Accessor => "accessor",
        By::Type => "type",
        By::Group => "group",
        By::Entity => "entity",
    };
    folder("bound").plain(by).name(value)
}

pub(super) fn using_key(method: &str) -> PathKey {
    folder("using").name(method)
}

pub fn enforcement(read: &impl Read, name: &str) -> Result<Option<Enforcement>, Access> {
    read.get(&enforcement_key(name))
}

/// A page of names.
pub fn enforcement_names(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    read.page(&all(), after, limit)
}

/// What is to be written. What is absent stays as it was.
pub struct EnforcementChange {
    pub method_ids: Vec<String>,
    pub accessors: Option<Vec<String>>,
    pub types: Option<Vec<String>>,
    pub group_ids: Option<Vec<String>>,
    pub entity_ids: Option<Vec<String>>,
}

impl EnforcementChange {
    /// An entity that is part of another one by now is named by that one's id.
    fn name_each_once(&mut self, txn: &Txn) -> Result<()> {
        for id in self.entity_ids.iter_mut().flatten() {
            let missing = || Failure::invalid("one of the provided entity ids doesn't exist");
            *id = present(txn, id)?.ok_or_else(missing)?.id;
        }
        let lists = [&mut self.accessors, &mut self.types, &mut self.group_ids, &mut self.entity_ids];
        for list in lists.into_iter().flatten().chain([&mut self.method_ids]) {
            let mut seen = BTreeSet::new();
            list.retain(|id| seen.insert(id.clone()));
        }
        Ok(())
    }

    fn check(&self, txn: &Txn, mounts: &Mounts) -> Result<()> {
        let refused = |text: &str| Err(Failure::invalid(text));
        let lists = [Some(&self.method_ids), self.accessors.as_ref(), self.types.as_ref()];
        let more = [self.group_ids.as_ref(), self.entity_ids.as_ref()];
        if lists.into_iter().chain(more).flatten().any(|list| list.len() > LISTED_MAX) {
            return refused(&format!("each list of an enforcement can have at most {LISTED_MAX} entries"));
        }
        if self.method_ids.is_empty() {
            return refused("missing method ids");
        }
        for id in &self.method_ids {
            if method(txn, id)?.is_none() {
                return refused("one of the provided method ids doesn't exist");
            }
        }
        if self.accessors.is_some() || self.types.is_some() {
            let there = mounts.list(txn, Table::Auth)?;
            let is_there = |list: &Option<Vec<String>>, of: fn(&crate::mount::Mount) -> &str| {
                list.iter().flatten().all(|value| there.values().any(|mount| of(mount) == value))
            };
            if !is_there(&self.accessors, |mount| &mount.accessor) {
                return refused("one of the auth method accessors provided is invalid");
            }
            if !is_there(&self.types, |mount| &mount.type_name) {
                return refused("one of the auth method types provided is invalid");
            }
        }
        for id in self.group_ids.iter().flatten() {
            if id.is_empty() || group(txn, id)?.is_none() {
                return refused("one of the provided group ids doesn't exist");
            }
        }
        let none = [&self.accessors, &self.types, &self.group_ids, &self.entity_ids].into_iter().all(Option::is_none);
        if none {
            return refused(BINDS_NOBODY);
        }
        Ok(())
    }
}

const BINDS_NOBODY: &str =
    "One of auth_method_accessors, auth_method_types, identity_group_ids, identity_entity_ids must be specified";

/// Makes an enforcement, or changes it.
pub fn write_enforcement(txn: &mut Txn, mounts: &Mounts, name: &str, mut change: EnforcementChange) -> Result<()> {
    let before: Option<Enforcement> = txn.get_for_update(&enforcement_key(name))?;
    change.check(txn, mounts)?;
    change.name_each_once(txn)?;
    if before.is_none() && txn.page(&all(), None, ENFORCEMENTS_MAX)?.len() >= ENFORCEMENTS_MAX {
        let text = format!("a namespace can have at most {ENFORCEMENTS_MAX} enforcements");
        return Err(Failure::invalid(text));
    }
    let old = before.as_ref().map(Enforcement::indexes).unwrap_or_default();
    let before =
        before.unwrap_or_else(|| Enforcement { id: new_id(), name: name.to_owned(), ..Enforcement::default() });
    let after = Enforcement {
        method_ids: change.method_ids,
        accessors: change.accessors.unwrap_or(before.accessors),
        types: change.types.unwrap_or(before.types),
        group_ids: change.group_ids.unwrap_or(before.group_ids),
        entity_ids: change.entity_ids.unwrap_or(before.entity_ids),
        ..before
    };
    if after.binds_nobody() {
        return Err(Failure::invalid(BINDS_NOBODY));
    }
    let new = after.indexes();
    for key in old.difference(&new) {
        unlist(txn, key, name)?;
    }
    for key in new.difference(&old) {
        let mut names: BTreeSet<String> = txn.get_for_update(key)?.unwrap_or_default();
        names.insert(name.to_owned());
        if names.len() > NAMES_MAX {
            let text =
                format!("at most {NAMES_MAX} enforcements can name the same method, mount, type, group or entity");
            return Err(Failure::invalid(text));
        }
        txn.put(key, &names)?;
    }
    Ok(txn.put(&enforcement_key(name), &after)?)
}

fn unlist(txn: &mut Txn, key: &PathKey, name: &str) -> Result<(), Access> {
    let mut names: BTreeSet<String> = txn.get_for_update(key)?.unwrap_or_default();
    names.remove(name);
    if names.is_empty() {
        txn.delete(key);
        return Ok(());
    }
    txn.put(key, &names)
}

pub fn delete_enforcement(txn: &mut Txn, name: &str) -> Result<(), Access> {
    let Some(before) = txn.get_for_update::<Enforcement>(&enforcement_key(name))? else { return Ok(()) };
    for key in before.indexes() {
        unlist(txn, &key, name)?;
    }
    txn.delete(&enforcement_key(name));
    Ok(())
}

/// What enforcements may name, and is to be there no more.
pub enum Goes<'a> {
    /// An auth mount, by its accessor. The type stays: the next mount of it is bound as well.
    Mount(&'a str),
    Group(&'a str),
    /// With those that it was made of.
    Entity(&'a Entity),
}

/// Takes it out of the enforcements that name it. It has to stay while one of them would bind nobody without it: a second
/// factor does not end unsaid.
pub fn unbind(txn: &mut Txn, goes: Goes<'_>) -> Result<()> {
    let (what, by, ids) = match goes {
        Goes::Mount(accessor) => ("the auth mount", By::Accessor, vec![accessor]),
        Goes::Group(id) => ("the group", By::Group, vec![id]),
        Goes::Entity(entity) => {
            let ids = entity.merged_ids.iter().chain([&entity.id]).map(String::as_str);
            ("the entity", By::Entity, ids.collect())
        }
    };
    let mut changed: BTreeMap<String, Enforcement> = BTreeMap::new();
    for key in ids.iter().map(|id| bound_key(by, id)) {
        let names: BTreeSet<String> = txn.get_for_update(&key)?.unwrap_or_default();
        for name in names {
            if let Entry::Vacant(place) = changed.entry(name) {
                let found = txn.get_for_update(&enforcement_key(place.key()))?.ok_or_else(lost)?;
                place.insert(found);
            }
        }
        txn.delete(&key);
    }
    for enforcement in changed.values_mut() {
        enforcement.selected(by).retain(|id| !ids.contains(&id.as_str()));
    }
    let empty: Vec<String> =
        changed.values().filter(|left| left.binds_nobody()).map(|left| format!("{:?}", left.name)).collect();
    if !empty.is_empty() {
        return Err(Failure::Invalid(format!(
            "{what} is still used by enforcement configurations that would bind nobody without it, with the names: {}. \
             Change or delete them first",
            empty.join(", ")
        )));
    }
    for (name, enforcement) in &changed {
        txn.put(&enforcement_key(name), enforcement)?;
    }
    Ok(())
}

fn lost() -> Access {
    Access::Broken("what binds logins leads to no enforcement".into())
}

/// The enforcements that bind a login at that mount, by name. Of nobody known, the mount alone decides.
pub fn applying(
    read: &impl Read,
    entity: Option<&Entity>,
    accessor: &str,
    type_name: &str,
) -> Result<Vec<Enforcement>> {
    let mut keys = vec![bound_key(By::Accessor, accessor), bound_key(By::Type, type_name)];
    if let Some(entity) = entity {
        // What binds one of those that it was made of binds it.
        let ids = entity.merged_ids.iter().chain([&entity.id]);
        keys.extend(ids.map(|id| bound_key(By::Entity, id)));
        let groups = counted_in(read, entity)?.whole()?;
        keys.extend(groups.iter().map(|group| bound_key(By::Group, &group.id)));
    }
    let mut names = BTreeSet::new();
    for key in keys {
        names.extend(read.get::<BTreeSet<String>>(&key)?.unwrap_or_default());
    }
    let mut found = Vec::new();
    for name in names {
        found.push(enforcement(read, &name)?.ok_or_else(lost)?);
    }
    Ok(found)
}
