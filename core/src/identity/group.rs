//! Groups.

use std::collections::{BTreeMap, BTreeSet};

use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Txn};

use super::alias::Alias;
use super::entity::{Entity, entity};
use super::group_alias::forget_alias;
use super::membership::{GROUPS_MAX, begin_size, forget_members, set_entities, set_groups};
use super::mfa::{Goes, unbind};
use super::{check_metadata, check_name, check_policies, folded, folder, free_name, new_id, settle};
use crate::mount::origin_key;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Whoever it is told.
    #[default]
    Internal,
    /// Whoever an auth method says is in it.
    External,
}

impl GroupKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub kind: GroupKind,
    /// `None` was never set.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Lower case, sorted, each once. `None` was never set.
    pub policies: Option<Vec<String>>,
    pub created: Millis,
    pub updated: Millis,
    /// Of an external group: what the mount calls it.
    pub alias: Option<Alias>,
    /// The groups that it is in. `None` was never in one.
    pub parents: Option<Vec<String>>,
    /// Whether its entities were taken out by the last write.
    pub emptied: bool,
    /// How often it was written.
    pub modify_index: u64,
}

impl Group {
    pub fn parents(&self) -> &[String] {
        self.parents.as_deref().unwrap_or_default()
    }

    pub fn policies(&self) -> &[String] {
        self.policies.as_deref().unwrap_or_default()
    }

    fn settled(mut self) -> Self {
        settle(&mut self.metadata);
        settle(&mut self.policies);
        settle(&mut self.parents);
        self.emptied = false;
        self
    }
}

fn groups() -> PathKey {
    folder("group")
}

pub(super) fn group_key(id: &str) -> PathKey {
    groups().plain(id)
}

fn name_key(name: &str) -> PathKey {
    folder("group-name").name(folded(name))
}

pub fn group(read: &impl Read, id: &str) -> Result<Option<Group>, Access> {
    read.get(&group_key(id))
}

pub fn group_by_name(read: &impl Read, name: &str) -> Result<Option<Group>, Access> {
    by_index(read, &name_key(name))
}

pub(super) fn by_index(read: &impl Read, key: &PathKey) -> Result<Option<Group>, Access> {
    match read.get::<String>(key)? {
        Some(id) => group(read, &id),
        None => Ok(None),
    }
}

/// A page of ids.
pub fn group_ids(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    read.page(&groups(), after, limit)
}

/// A page of names, as they were written.
pub fn group_names(read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
    let mut names = Vec::new();
    for name in read.page(&folder("group-name"), after.map(folded).as_deref(), limit)? {
        names.push(group_by_name(read, &name)?.map_or(name, |group| group.name));
    }
    Ok(names)
}

/// The groups that an entity is in.
#[derive(Default)]
pub struct Groups {
    pub direct: Vec<Group>,
    /// Because another one that it is in, is in them.
    pub inherited: Vec<Group>,
}

pub fn groups_of(read: &impl Read, entity_id: &str) -> Result<Groups, Access> {
    let Some(entity) = entity(read, entity_id)? else { return Ok(Groups::default()) };
    let mut found = Groups::default();
    let direct: BTreeSet<&String> = entity.groups.iter().collect();
    for group in counted_in(read, &entity)?.groups {
        if direct.contains(&group.id) { found.direct.push(group) } else { found.inherited.push(group) }
    }
    Ok(found)
}

/// Groups, and all above them.
pub(super) struct Upwards<G> {
    pub groups: Vec<G>,
    /// There are more than are looked at: who is in them is not known whole, and nothing may be decided by it.
    pub cut: bool,
}

/// What to say of an entity whose groups are not known whole.
pub(super) const TOO_MANY: &str = "the entity is in more groups, with those above them, than are looked at";

impl<G> Upwards<G> {
    /// All of them, or a refusal.
    pub(super) fn whole(self) -> Result<Vec<G>> {
        if self.cut { Err(Failure::denied(TOO_MANY)) } else { Ok(self.groups) }
    }
}

/// The groups that an entity is in, with all above them. In an external one it is as long as what told so stands: its alias at
/// a mount that is there, and the group's alias at the same one.
pub(super) fn counted<G: AsRef<Group>>(
    entity: &Entity,
    mut look: impl FnMut(&str) -> Result<Option<G>, Access>,
    mut is_mounted: impl FnMut(&str) -> Result<bool, Access>,
) -> Result<Upwards<G>, Access> {
    upwards(&entity.groups, |id| {
        let Some(found) = look(id)? else { return Ok(None) };
        let counts = match (found.as_ref().kind, entity.told_of(found.as_ref())) {
            (GroupKind::Internal, _) => true,
            (GroupKind::External, Some(mount)) => is_mounted(mount)?,
            (GroupKind::External, None) => false,
        };
        Ok(counts.then_some(found))
    })
}

/// The same, each looked up.
pub(super) fn counted_in(read: &impl Read, entity: &Entity) -> Result<Upwards<Group>, Access> {
    counted(entity, |id| group(read, id), |accessor| Ok(read.bytes(&origin_key(accessor))?.is_some()))
}

/// These groups and all above them, each once, as `look` finds them.
pub(super) fn upwards<G: AsRef<Group>>(
    from: &[String],
    mut look: impl FnMut(&str) -> Result<Option<G>, Access>,
) -> Result<Upwards<G>, Access> {
    let mut groups: Vec<G> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<String> = from.to_vec();
    while !waiting.is_empty() {
        let mut above = Vec::new();
        for id in waiting {
            if seen.contains(&id) {
                continue;
            }
            if seen.len() >= GROUPS_MAX {
                return Ok(Upwards { groups, cut: true });
            }
            let group = look(&id)?;
            seen.insert(id);
            if let Some(group) = group {
                above.extend(group.as_ref().parents().iter().cloned());
                groups.push(group);
            }
        }
        waiting = above;
    }
    Ok(Upwards { groups, cut: false })
}

impl AsRef<Self> for Group {
    fn as_ref(&self) -> &Self {
        self
    }
}

pub(super) fn for_update(txn: &Txn, id: &str) -> Result<Option<Group>, Access> {
    Ok(txn.get_for_update::<Group>(&group_key(id))?.map(Group::settled))
}

pub(super) fn put(txn: &mut Txn, now: Millis, mut group: Group) -> Result<Group, Access> {
    group.updated = now;
    group.modify_index += 1;
    txn.put(&group_key(&group.id), &group)?;
    Ok(group)
}

/// Which group is to be changed.
pub enum WhichGroup {
    Id(String),
    /// It is made if there is none.
    Name(String),
    New,
}

/// What is to be written of a group. What is absent stays as it was.
#[derive(Default)]
pub struct GroupChange {
    /// Of a group that is known by its id.
    pub name: Option<String>,
    pub kind: Option<String>,
    pub policies: Option<Vec<String>>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub member_entity_ids: Option<Vec<String>>,
    pub member_group_ids: Option<Vec<String>>,
}

/// Changes a group, or makes one: then it is the answer.
pub fn write_group(txn: &mut Txn, now: Millis, which: WhichGroup, change: GroupChange) -> Result<Option<Group>> {
    let (found, mut name) = match which {
        WhichGroup::Id(id) => {
            (Some(for_update(txn, &id)?.ok_or_else(|| Failure::invalid("invalid group ID"))?), change.name)
        }
        WhichGroup::Name(name) => {
            let id = txn.get_for_update::<String>(&name_key(&name))?;
            (id.map(|id| for_update(txn, &id)).transpose()?.flatten(), Some(name))
        }
        WhichGroup::New => (None, change.name),
    };
    name = name.filter(|name| !name.is_empty());
    let is_new = found.is_none();
    let mut group = found.unwrap_or_else(|| Group { id: new_id(), created: now, ..Group::default() });
    if is_new {
        begin_size(txn, &group.id);
    }
    if let Some(policies) = change.policies {
        group.policies = Some(check_policies(&policies)?);
    }
    if let Some(kind) = change.kind.filter(|kind| is_new && !kind.is_empty() || !is_new && *kind != group.kind.name()) {
        group.kind = match kind.as_str() {
            _ if !is_new => return Err(Failure::invalid("group type cannot be changed")),
            "internal" => GroupKind::Internal,
            "external" => GroupKind::External,
            other => {
                let shown: String = other.chars().take(64).collect();
                return Err(Failure::invalid(format!(
                    "invalid group type {shown:?}: use \"internal\" or \"external\""
                )));
            }
        };
    }
    rename(txn, &mut group, name, is_new)?;
    if let Some(metadata) = change.metadata {
        check_metadata("group", &metadata)?;
        group.metadata = Some(metadata);
    }
    let external = group.kind == GroupKind::External;
    if external && change.member_entity_ids.is_some() {
        return Err(Failure::invalid("member entities can't be set manually for external groups"));
    }
    if external && change.member_group_ids.is_some() {
        return Err(Failure::invalid("member groups can't be set for external groups"));
    }
    if let Some(ids) = change.member_entity_ids {
        group.emptied = ids.is_empty();
        set_entities(txn, &group.id, &ids)?;
    }
    if let Some(ids) = change.member_group_ids {
        set_groups(txn, now, &group, &ids)?;
    }
    let group = put(txn, now, group)?;
    Ok(Some(group).filter(|_| is_new))
}

/// Gives a group that name, or a random one if it is new and was given none.
pub(super) fn rename(txn: &mut Txn, group: &mut Group, name: Option<String>, is_new: bool) -> Result<()> {
    let name = match name {
        Some(name) => name,
        None if is_new => free_name(txn, "group", name_key)?,
        None => return Ok(()),
    };
    check_name("a group", &name)?;
    let holder = txn.get_for_update::<String>(&name_key(&name))?;
    if holder.is_some_and(|holder| holder != group.id) {
        return Err(Failure::invalid("group name is already in use"));
    }
    if !is_new && folded(&group.name) != folded(&name) {
        txn.delete(&name_key(&group.name));
    }
    txn.put(&name_key(&name), &group.id)?;
    group.name = name;
    Ok(())
}

/// Deletes a group, unless a second factor is asked of nobody else. Who was in it is not touched: its id leads nowhere from now on.
pub fn delete_group(txn: &mut Txn, id: &str) -> Result<bool> {
    let Some(group) = for_update(txn, id)? else { return Ok(false) };
    unbind(txn, Goes::Group(id))?;
    if let Some(alias) = &group.alias {
        forget_alias(txn, alias);
    }
    forget_members(txn, &group);
    txn.delete(&name_key(&group.name));
    txn.delete(&group_key(id));
    Ok(true)
}
