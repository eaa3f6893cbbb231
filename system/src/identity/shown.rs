//! What answers show of entities, groups and their aliases.

use std::collections::BTreeMap;

use holdfast_core::identity::{self, Alias, Entity, Group};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Read, Result, timestamp};
use serde::Serialize;

use super::mounts::{At, Found};

/// Of an entity.
#[derive(Serialize, JsonSchema)]
pub struct ShownEntity {
    aliases: Vec<ShownAlias>,
    creation_time: String,
    /// The groups that it was put into.
    direct_group_ids: Vec<String>,
    /// Neither its tokens nor its logins count.
    disabled: bool,
    group_ids: Vec<String>,
    id: String,
    /// The groups that those groups are in.
    inherited_group_ids: Vec<String>,
    last_update_time: String,
    /// Entities that became part of this one.
    merged_entity_ids: Option<Vec<String>>,
    metadata: Option<BTreeMap<String, String>>,
    name: String,
    namespace_id: String,
    policies: Vec<String>,
}

/// Where an alias is; absent if the mount was removed.
#[derive(Serialize, JsonSchema)]
struct Mounted {
    mount_accessor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_type: Option<String>,
}

impl Mounted {
    fn new(mount_accessor: String, at: Option<At>) -> Self {
        let (mount_path, mount_type) = at.map(|at| (at.path, at.kind)).unzip();
        Self { mount_accessor, mount_path, mount_type }
    }
}

/// What is shown of every alias.
#[derive(Serialize, JsonSchema)]
struct OfAny {
    /// The entity or group that it is an alias of.
    canonical_id: String,
    creation_time: String,
    id: String,
    last_update_time: String,
    /// The entities that it belonged to before they were merged.
    merged_from_canonical_ids: Option<Vec<String>>,
    /// What the auth method says of it.
    metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    mounted: Mounted,
    name: String,
}

/// An alias of an entity, or of a group on its own.
#[derive(Serialize, JsonSchema)]
pub struct ShownAlias {
    #[serde(flatten)]
    alias: OfAny,
    custom_metadata: Option<BTreeMap<String, String>>,
    local: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_id: Option<String>,
}

/// The alias of a group, as the group shows it; without one it has no fields.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
struct GroupsAlias {
    #[serde(flatten)]
    alias: Option<OfAny>,
}

#[derive(Serialize, JsonSchema)]
pub struct ShownGroup {
    alias: GroupsAlias,
    creation_time: String,
    id: String,
    last_update_time: String,
    member_entity_ids: Option<Vec<String>>,
    member_group_ids: Option<Vec<String>>,
    metadata: Option<BTreeMap<String, String>>,
    /// How often it was written.
    modify_index: u64,
    name: String,
    namespace_id: String,
    /// The groups that it is in.
    parent_group_ids: Option<Vec<String>>,
    policies: Option<Vec<String>>,
    /// `internal` or `external`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// An alias among those of an entity or a group in a listing.
#[derive(Serialize)]
pub struct Brief {
    id: String,
    #[serde(flatten)]
    mounted: Mounted,
    name: String,
}

/// An alias in a listing of aliases.
#[derive(Serialize)]
pub struct Listed {
    canonical_id: String,
    custom_metadata: Option<BTreeMap<String, String>>,
    local: bool,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    mounted: Mounted,
    name: String,
}

fn namespace(ctx: &Ctx) -> String {
    ctx.namespace.id.shown().to_owned()
}

fn unless_empty(ids: Vec<String>) -> Option<Vec<String>> {
    Some(ids).filter(|ids| !ids.is_empty())
}

pub fn entity(node: &Node, ctx: &Ctx, read: &impl Read, entity: Entity) -> Result<ShownEntity> {
    let groups = identity::groups_of(read, &entity.id)?;
    let ids = |groups: Vec<Group>| groups.into_iter().map(|group| group.id).collect::<Vec<_>>();
    let (direct_group_ids, inherited_group_ids) = (ids(groups.direct), ids(groups.inherited));
    let mounts = Found::new(node, read);
    let aliases = entity.aliases.into_iter().map(|alias| of(&mounts, alias, None)).collect::<Result<_>>()?;
    Ok(ShownEntity {
        aliases,
        creation_time: timestamp(entity.created),
        group_ids: [direct_group_ids.clone(), inherited_group_ids.clone()].concat(),
        direct_group_ids,
        disabled: entity.disabled,
        id: entity.id,
        inherited_group_ids,
        last_update_time: timestamp(entity.updated),
        merged_entity_ids: unless_empty(entity.merged_ids),
        metadata: entity.metadata,
        name: entity.name,
        namespace_id: namespace(ctx),
        policies: entity.policies,
    })
}

pub fn alias(node: &Node, ctx: &Ctx, read: &impl Read, alias: Alias) -> Result<ShownAlias> {
    of(&Found::new(node, read), alias, Some(namespace(ctx)))
}

fn of(mounts: &Found<'_, impl Read>, alias: Alias, namespace_id: Option<String>) -> Result<ShownAlias> {
    let at = mounts.at(&alias.mount_accessor)?;
    let local = at.as_ref().is_some_and(|at| at.local);
    let custom_metadata = alias.custom_metadata.clone();
    Ok(ShownAlias { alias: of_any(alias, at), custom_metadata, local, namespace_id })
}

fn of_any(alias: Alias, at: Option<At>) -> OfAny {
    OfAny {
        canonical_id: alias.canonical_id,
        creation_time: timestamp(alias.created),
        id: alias.id,
        last_update_time: timestamp(alias.updated),
        merged_from_canonical_ids: unless_empty(alias.merged_from),
        metadata: alias.metadata,
        mounted: Mounted::new(alias.mount_accessor, at),
        name: alias.name,
    }
}

pub fn group(node: &Node, ctx: &Ctx, read: &impl Read, group: Group) -> Result<ShownGroup> {
    let members = identity::members(read, &group.id)?;
    let mut parents = group.parents;
    if let Some(ids) = &mut parents {
        let mut there = Vec::new();
        for id in ids.drain(..) {
            if identity::group(read, &id)?.is_some() {
                there.push(id);
            }
        }
        *ids = there;
    }
    let mounts = Found::new(node, read);
    let at = |alias: &Alias| mounts.at(&alias.mount_accessor);
    let alias = group.alias.map(|alias| at(&alias).map(|at| of_any(alias, at))).transpose()?;
    let emptied = group.emptied;
    Ok(ShownGroup {
        alias: GroupsAlias { alias },
        creation_time: timestamp(group.created),
        id: group.id,
        last_update_time: timestamp(group.updated),
        member_entity_ids: Some(members.entities).filter(|ids| emptied || !ids.is_empty()),
        member_group_ids: unless_empty(members.groups),
        metadata: group.metadata,
        modify_index: group.modify_index,
        name: group.name,
        namespace_id: namespace(ctx),
        parent_group_ids: parents,
        policies: group.policies,
        kind: group.kind.name(),
    })
}

pub fn brief(mounts: &Found<'_, impl Read>, alias: &Alias) -> Result<Brief> {
    let mounted = Mounted::new(alias.mount_accessor.clone(), mounts.at(&alias.mount_accessor)?);
    Ok(Brief { id: alias.id.clone(), mounted, name: alias.name.clone() })
}

pub fn listed(mounts: &Found<'_, impl Read>, alias: Alias) -> Result<Listed> {
    let at = mounts.at(&alias.mount_accessor)?;
    Ok(Listed {
        canonical_id: alias.canonical_id,
        custom_metadata: alias.custom_metadata,
        local: at.as_ref().is_some_and(|at| at.local),
        metadata: alias.metadata,
        mounted: Mounted::new(alias.mount_accessor, at),
        name: alias.name,
    })
}
