//! Several entities that turn out to be one.

use std::collections::{BTreeMap, BTreeSet};

use sdk::Failure;
use storage::{Access, Millis, Txn};

use super::alias::{Alias, check_room, forget_alias, note_alias};
use super::entity::{BATCH_MAX, Entity, for_update, merged_key, put, remove};
use super::group::{self, GroupKind, group};
use super::membership::{join, leave_told_by};
use super::mfa::{keys_of_both, move_keys};

pub struct Merge<'a> {
    pub to: &'a str,
    pub from: &'a [String],
    /// Of two aliases at one mount, which one stays.
    pub keep: &'a [String],
    /// Of two second factors by one method, `to`'s stays; otherwise they are in the way.
    pub force: bool,
}

/// An alias at a mount where another one of those that are merged has one too.
#[derive(Debug, PartialEq)]
pub struct Clash {
    pub alias: Alias,
    pub entity_id: String,
    pub entity_name: String,
}

#[derive(Debug, thiserror::Error)]
pub enum NotMerged {
    /// Who asks has to say which alias stays.
    #[error("{text}")]
    Clashes { text: String, clashes: Vec<Clash> },
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<Access> for NotMerged {
    fn from(access: Access) -> Self {
        Self::Failure(access.into())
    }
}

fn refused<T>(text: impl Into<String>) -> Result<T, NotMerged> {
    Err(Failure::invalid(text).into())
}

/// Moves aliases and memberships to one of them, and deletes the others. Their tokens go on as that one's. Its policies and
/// metadata stay as they are.
pub fn merge(txn: &mut Txn, now: Millis, merge: &Merge<'_>) -> Result<(), NotMerged> {
    let Some(mut to) = for_update(txn, merge.to)?.map(Entity::settled) else {
        return refused("entity id to merge to is invalid");
    };
    if merge.from.len() > 1 && merge.keep.len() > 1 {
        return refused(
            "aliases conflicts cannot be resolved with multiple from entity ids - merge one entity at a time",
        );
    }
    let mut seen = BTreeSet::new();
    let ids: Vec<&String> = merge.from.iter().filter(|id| seen.insert(*id)).collect();
    if ids.len() + to.merged_ids.len() > BATCH_MAX {
        return refused(format!("an entity can be made of at most {BATCH_MAX} others"));
    }
    let mut all = Vec::new();
    for id in ids {
        if *id == to.id {
            return refused("to_entity_id should not be present in from_entity_ids");
        }
        let Some(from) = for_update(txn, id)?.map(Entity::settled) else {
            return refused("entity id to merge from is invalid");
        };
        if from.disabled && !to.disabled {
            return refused(format!(
                "the entity {:?} is disabled, and its tokens and logins would count again: enable it first, or delete it",
                from.id
            ));
        }
        let both = keys_of_both(txn, &from.id, &to.id)?;
        if let Some(method) = both.first().filter(|_| !merge.force) {
            return refused(format!(
                "conflicting MFA config ID {method:?} in from entity ID {:?}: both entities have a secret for it. With force the \
                 one of the entity that is merged to stays",
                from.id
            ));
        }
        all.push(from);
    }
    // Where something is said of one, whatever else is in the way is found when it is taken over.
    if merge.keep.is_empty() {
        check_clashes(&to, &all)?;
    }
    for from in all {
        take_over(txn, now, &mut to, from, merge.keep)?;
    }
    to.updated = now;
    Ok(put(txn, &to)?)
}

fn check_clashes(to: &Entity, all: &[Entity]) -> Result<(), NotMerged> {
    let mut clashes = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for from in all {
        for alias in &from.aliases {
            if seen.insert(&alias.mount_accessor, &from.id).is_some() {
                return refused(format!(
                    "mount accessor {} found in multiple fromEntities, merge should be done with one fromEntity at a time",
                    alias.mount_accessor
                ));
            }
            if let Some(own) = to.alias_of(&alias.mount_accessor) {
                for (entity, alias) in [(to, own), (from, alias)] {
                    let (entity_id, entity_name) = (entity.id.clone(), entity.name.clone());
                    clashes.push(Clash { alias: alias.clone(), entity_id, entity_name });
                }
            }
        }
    }
    if clashes.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = clashes
        .iter()
        .map(|clash| {
            let Alias { id, mount_accessor, .. } = &clash.alias;
            format!("alias {id} of entity {} at mount accessor {mount_accessor}", clash.entity_id)
        })
        .collect();
    let text = format!(
        "toEntity and at least one fromEntity have aliases with the same mount accessor, repeat the merge request \
         specifying exactly one fromEntity and the alias to keep in conflicting_alias_ids_to_keep; clashes: {}",
        told.join(", ")
    );
    Err(NotMerged::Clashes { text, clashes })
}

fn take_over(txn: &mut Txn, now: Millis, to: &mut Entity, from: Entity, keep: &[String]) -> Result<(), NotMerged> {
    let kept = |alias: &Alias| keep.contains(&alias.id);
    for alias in &from.aliases {
        let own = to.alias_of(&alias.mount_accessor).cloned();
        match own {
            Some(own) if kept(&own) => {
                forget_alias(txn, alias);
                continue;
            }
            Some(own) if kept(alias) => {
                forget_alias(txn, &own);
                to.aliases.retain(|other| other.id != own.id);
                leave_told_by(txn, to, &own.id)?;
            }
            Some(own) => {
                return refused(format!(
                    "conflicting mount accessors in following alias IDs and neither were present in \
                     conflicting_alias_ids_to_keep: {}, {}",
                    alias.id, own.id
                ));
            }
            None => {}
        }
        check_room(to)?;
        let mut moved = Alias { canonical_id: to.id.clone(), ..alias.clone() };
        moved.merged_from.push(from.id.clone());
        let more = moved.merged_from.len().saturating_sub(BATCH_MAX);
        moved.merged_from.drain(..more);
        note_alias(txn, &moved)?;
        to.aliases.push(moved);
    }
    for id in &from.groups {
        let Some(found) = group(txn, id)? else { continue };
        let told = from.told.get(id).filter(|told| to.aliases.iter().any(|alias| alias.id == told.alias));
        if found.kind == GroupKind::External && told.is_none() {
            continue;
        }
        // The group's members change, so whoever is setting them looks again.
        if let Some(group) = group::for_update(txn, id)? {
            group::put(txn, now, group)?;
        }
        join(txn, to, id)?;
        // By what it is in the group already, it stays in it, whatever becomes of the alias that came.
        if let Some(told) = told.filter(|_| to.told_of(&found).is_none()) {
            to.told.insert(id.clone(), told.clone());
        }
    }
    move_keys(txn, &from.id, &to.id)?;
    remove(txn, &from)?;
    for id in from.merged_ids.iter().chain([&from.id]) {
        txn.put(&merged_key(id), &to.id)?;
    }
    to.merged_ids.extend(from.merged_ids);
    to.merged_ids.push(from.id);
    Ok(())
}
