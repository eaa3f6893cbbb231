//! What an entity has besides its token: the policies that it and its groups give, and what policies may ask of it.
//!
//! Kept by the revisions of all that it was made from, as everything here is: so what changes counts with the next request on
//! every node, and a request of an entity in three groups costs four lookups.

use std::cell::RefCell;
use std::sync::Arc;

use policy::{TemplateAlias, TemplateEntity, TemplateGroup, TemplateValues};
use quick_cache::sync::Cache;
use sdk::{Forget, NamespaceId};
use storage::{Access, Path, PathKey, Read, Revision, View};

use super::alias::Alias;
use super::entity::{Entity, entity, entity_key, merged_key};
use super::group::{Group, TOO_MANY, counted, counted_in, group_key};
use crate::cache::RecordCache;
use crate::mount::origin_key;
use crate::space;

/// Of what rights were made: nobody else's, and of no other moment. Empty for who is no entity.
pub type Stamp = (String, Vec<Option<Revision>>);

/// Of a token's entity, or of nobody.
#[derive(Default)]
pub struct Rights {
    /// What the token says.
    asked: String,
    pub entity: Option<Entity>,
    /// Direct and inherited.
    pub groups: Vec<Arc<Group>>,
    /// Of the entity and its groups: sorted, each once.
    pub policies: Vec<String>,
    /// It is in more groups than are looked at.
    too_many: bool,
    made_of: Vec<(PathKey, Option<Revision>)>,
    /// What a batch relies on if these rights let it through.
    pub relied_on: Vec<(Path, Option<Revision>)>,
}

impl Rights {
    /// Why tokens of it do not count, if they do not.
    pub fn unfit(&self) -> Option<&'static str> {
        match &self.entity {
            None if self.asked.is_empty() => None,
            None => Some("the token's entity is not there any more"),
            Some(entity) if entity.disabled => Some("the token's entity is disabled"),
            Some(_) if self.too_many => Some(TOO_MANY),
            Some(_) => None,
        }
    }

    /// What gives a policy to a token that has these of its own: `token`, `entity`, `group engineers`, or several of them.
    pub fn source_of(&self, own: &[String], policy: &str) -> String {
        let entity = self.entity.as_ref().filter(|entity| entity.policies.iter().any(|name| name == policy));
        let groups = self.groups.iter().filter(|group| group.policies().iter().any(|name| name == policy));
        let own = own.iter().any(|name| name == policy).then(|| "token".to_owned());
        let given = entity.map(|_| "entity".to_owned()).into_iter();
        let given = given.chain(groups.map(|group| format!("group {}", group.name)));
        own.into_iter().chain(given).collect::<Vec<_>>().join(", ")
    }

    pub fn stamp(&self) -> Stamp {
        (self.asked.clone(), self.made_of.iter().map(|(_, revision)| *revision).collect())
    }

    /// What the templates of policies are filled in with.
    pub fn values(&self) -> TemplateValues {
        values_of(self.entity.as_ref(), self.groups.iter().map(Arc::as_ref))
    }
}

/// What templates are filled in with for an entity in these groups.
pub fn values_of<'a>(entity: Option<&Entity>, groups: impl Iterator<Item = &'a Group>) -> TemplateValues {
    let entity = entity.map(|entity| TemplateEntity {
        id: entity.id.clone(),
        name: entity.name.clone(),
        metadata: entity.metadata.clone().unwrap_or_default(),
        aliases: entity.aliases.iter().map(template_alias).collect(),
    });
    let of_group = |group: &Group| TemplateGroup {
        id: group.id.clone(),
        name: group.name.clone(),
        // Policies and groups are of one namespace.
        namespace_id: String::new(),
        metadata: group.metadata.clone().unwrap_or_default(),
    };
    TemplateValues { entity, groups: groups.map(of_group).collect(), namespace_id: String::new() }
}

fn template_alias(alias: &Alias) -> TemplateAlias {
    TemplateAlias {
        mount_accessor: alias.mount_accessor.clone(),
        id: alias.id.clone(),
        name: alias.name.clone(),
        metadata: alias.metadata.clone().unwrap_or_default(),
        custom_metadata: alias.custom_metadata.clone().unwrap_or_default(),
    }
}

/// The policies of an entity and of its groups, without `root`, which nobody has this way.
fn policies<'a>(entity: &'a Entity, groups: impl Iterator<Item = &'a Group>) -> Vec<String> {
    let of_groups = groups.flat_map(|group| group.policies());
    let mut all: Vec<String> =
        entity.policies.iter().chain(of_groups).filter(|name| *name != "root").cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// The entity that tokens with this id are of: itself, or the one that it was merged into.
pub fn present(read: &impl Read, id: &str) -> Result<Option<Entity>, Access> {
    if id.is_empty() {
        return Ok(None);
    }
    if let Some(entity) = entity(read, id)? {
        return Ok(Some(entity));
    }
    match read.get::<String>(&merged_key(id))? {
        Some(id) => entity(read, &id),
        None => Ok(None),
    }
}

/// What a token of this entity has beyond its own policies, at this moment.
pub fn policies_of(read: &impl Read, entity_id: &str) -> Result<Vec<String>, Access> {
    let Some(entity) = present(read, entity_id)? else { return Ok(Vec::new()) };
    Ok(policies(&entity, counted_in(read, &entity)?.groups.iter()))
}

/// The rights of many entities, kept.
pub struct Identities {
    kept: Cache<Path, Arc<Rights>>,
    groups: RecordCache<Group>,
    nobody: Arc<Rights>,
}

impl Default for Identities {
    fn default() -> Self {
        Self { kept: Cache::new(10_000), groups: RecordCache::new(10_000), nobody: Arc::default() }
    }
}

impl Identities {
    pub fn forget(&self, which: Forget<'_>) {
        self.kept.retain(|path, _| !which.covers(path));
        self.groups.forget(which);
    }

    /// Of an entity of this namespace. `view` is anywhere.
    pub fn rights(&self, view: &View, ns: &NamespaceId, entity_id: &str) -> Result<Arc<Rights>, Access> {
        if entity_id.is_empty() {
            return Ok(Arc::clone(&self.nobody));
        }
        let view = &view.elsewhere(space::records(ns));
        let path = view.path(&entity_key(entity_id));
        if let Some(kept) = self.kept.get(&path)
            && self.holds(view, &kept)?
        {
            return Ok(kept);
        }
        let mut rights = self.find(view, entity_id)?;
        rights.relied_on = rights.made_of.iter().map(|(key, revision)| (view.path(key), *revision)).collect();
        let rights = Arc::new(rights);
        if rights.entity.is_some() {
            self.kept.insert(path, Arc::clone(&rights));
        }
        Ok(rights)
    }

    fn holds(&self, view: &View, rights: &Rights) -> Result<bool, Access> {
        for (key, revision) in &rights.made_of {
            if view.revision(key)? != *revision {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn find(&self, view: &View, asked: &str) -> Result<Rights, Access> {
        let mut rights = Rights { asked: asked.to_owned(), ..Rights::default() };
        let note = |rights: &mut Rights, key: PathKey| -> Result<bool, Access> {
            let revision = view.revision(&key)?;
            rights.made_of.push((key, revision));
            Ok(revision.is_some())
        };
        let mut id = asked.to_owned();
        if !note(&mut rights, entity_key(&id))? {
            if !note(&mut rights, merged_key(&id))? {
                return Ok(rights);
            }
            let Some(into) = view.get::<String>(&merged_key(&id))? else { return Ok(rights) };
            id = into;
            note(&mut rights, entity_key(&id))?;
        }
        let Some(entity) = entity(view, &id)? else { return Ok(rights) };
        let made_of = RefCell::new(&mut rights.made_of);
        let look = |id: &str| {
            let key = group_key(id);
            let found = self.groups.read(view, &key)?;
            made_of.borrow_mut().push((key, found.as_ref().map(|found| found.revision)));
            Ok(found.map(|found| found.value))
        };
        let is_mounted = |accessor: &str| {
            let key = origin_key(accessor);
            let revision = view.revision(&key)?;
            made_of.borrow_mut().push((key, revision));
            Ok(revision.is_some())
        };
        let groups = counted(&entity, look, is_mounted)?;
        (rights.groups, rights.too_many) = (groups.groups, groups.cut);
        rights.policies = policies(&entity, rights.groups.iter().map(Arc::as_ref));
        rights.entity = Some(entity);
        Ok(rights)
    }
}
