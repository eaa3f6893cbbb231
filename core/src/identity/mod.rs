//! Who there is: entities, the aliases that they log in by, and the groups that they are in. All of one namespace: what is
//! here works on the records of the one that it is given, and finds nothing of another.
//!
//! ```text
//! identity / entity / id                      an entity, with its aliases and the ids of the groups that it is in
//! identity / entity-name / name               entity id; names in lower case, since case does not tell them apart
//! identity / alias / id                       entity id
//! identity / alias-name / accessor / name     entity id
//! identity / merged / id                      the entity that this one was merged into
//! identity / group / id                       a group, with its alias and the ids of its parents
//! identity / group-name / name                group id
//! identity / group-alias / id                 group id
//! identity / group-alias-name / accessor / name   group id
//! identity / member / group / entity, group / id  who is in a group: for those who look at the group
//! identity / size / group                     a counter of its entities
//! identity / mfa / …                          the second factor of a login: see [`mfa`]
//! ```
//!
//! What a request needs is found by going up: from the entity to its groups to their parents, each a record that a batch can
//! rely on. So a change of a group counts for its members with the next request, and writes nothing of theirs. Going down is
//! for whoever reads or changes a group. A group that was deleted is an id that leads nowhere, and ids do not come back.

mod alias;
mod entity;
mod group;
mod group_alias;
mod login;
mod membership;
mod merge;
pub mod mfa;
mod rights;
#[cfg(test)]
mod tests;

pub use alias::{Alias, AliasChange, alias, alias_by_id, alias_ids, delete_alias, write_alias};
pub use entity::{
    BATCH_MAX, Entity, EntityChange, Told, delete_entity, entity, entity_by_name, entity_ids, entity_names,
    write_entity,
};
pub use group::{
    Group, GroupChange, GroupKind, Groups, WhichGroup, delete_group, group, group_by_name, group_ids, group_names,
    groups_of, write_group,
};
pub use group_alias::{
    GroupAliasChange, delete_group_alias, group_alias_ids, group_by_alias, group_by_alias_id, write_group_alias,
};
pub use login::{Arrival, arrive};
pub use membership::{CHANGES_MAX, DEPTH_MAX, Members, members, size};
pub use merge::{Clash, Merge, NotMerged, merge};
pub use rights::{Identities, Rights, Stamp, policies_of, present, values_of};

use std::collections::BTreeMap;

use sdk::{Failure, Result, custom_metadata_faults, folded};
use storage::{PathKey, Read, Txn};

/// The longest name of anything here, in bytes.
const NAME_MAX: usize = 1024;

fn folder(kind: &str) -> PathKey {
    PathKey::kind("identity").plain(kind)
}

fn new_id() -> String {
    uuid::Builder::from_random_bytes(crypto::random()).into_uuid().to_string()
}

/// `entity_0a1b2c3d`: the name of what was given none. `key` is by which a name is found.
fn free_name(txn: &Txn, of: &str, key: fn(&str) -> PathKey) -> Result<String> {
    for _ in 0..8 {
        let random: [u8; 4] = crypto::random();
        let name = format!("{of}_{}", hex::encode(random));
        if txn.get::<String>(&key(&name))?.is_none() {
            return Ok(name);
        }
    }
    Err(Failure::internal(format!("no random name of a new {of} is free")))
}

/// Refuses what cannot be told apart by who reads it, and what is too long.
fn check_name(what: &str, name: &str) -> Result<()> {
    if name.len() > NAME_MAX {
        return Err(Failure::invalid(format!("the name of {what} may have at most {NAME_MAX} bytes")));
    }
    if name.chars().any(char::is_control) {
        return Err(Failure::invalid(format!("the name of {what} must not contain control characters")));
    }
    Ok(())
}

/// Lower case, sorted, each once. Never `root`, which is not given this way.
fn check_policies(policies: &[String]) -> Result<Vec<String>> {
    const POLICIES_MAX: usize = 1024;
    let mut names: Vec<String> =
        policies.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    if names.iter().any(|name| name == "root") {
        return Err(Failure::invalid("policies cannot contain root"));
    }
    if let Some(fixed) = names.iter().find(|name| policy::builtin::NOT_ASSIGNABLE.contains(&name.as_str())) {
        return Err(Failure::invalid(format!("cannot assign policy {fixed:?}")));
    }
    if names.len() > POLICIES_MAX {
        return Err(Failure::invalid(format!("at most {POLICIES_MAX} policies can be given")));
    }
    if names.iter().any(|name| name.len() > NAME_MAX) {
        return Err(Failure::invalid(format!("the name of a policy may have at most {NAME_MAX} bytes")));
    }
    Ok(names)
}

/// What an auth method says of an alias, in bytes.
const SAID_MAX: usize = 65_536;

fn check_said(metadata: &BTreeMap<String, String>) -> Result<()> {
    let size: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > SAID_MAX {
        return Err(Failure::invalid(format!("the auth method says more than {SAID_MAX} bytes of who logs in")));
    }
    Ok(())
}

const PAIRS_MAX: usize = 64;
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 512;

/// Of an entity or a group.
fn check_metadata(what: &str, metadata: &BTreeMap<String, String>) -> Result<()> {
    let refused = |text: String| Err(Failure::invalid(format!("invalid {what} metadata: {text}")));
    if metadata.len() > PAIRS_MAX {
        return refused(format!("metadata cannot contain more than {PAIRS_MAX} key/value pairs"));
    }
    for (key, value) in metadata {
        let shown: String = key.chars().take(KEY_MAX).collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || "=/+_-".contains(c);
        let problem = match key.as_str() {
            "" => "key cannot be blank".to_owned(),
            key if !key.chars().all(plain) => {
                "key contains invalid characters: letters, digits and =/+_- are allowed".to_owned()
            }
            key if key.len() > KEY_MAX => format!("key is too long (limit: {KEY_MAX} characters)"),
            key if key.starts_with("vault-") => "key prefix \"vault-\" is reserved for internal use".to_owned(),
            _ if value.len() > VALUE_MAX => format!("value is too long (limit: {VALUE_MAX} characters)"),
            _ => continue,
        };
        return refused(format!("failed to load the pair of key {shown:?}: {problem}"));
    }
    Ok(())
}

/// What somebody has written down about an alias.
fn check_custom_metadata(metadata: &BTreeMap<String, String>) -> Result<()> {
    match custom_metadata_faults(metadata).first() {
        Some(fault) => Err(Failure::invalid(format!("custom_metadata validation failed: {fault}"))),
        None => Ok(()),
    }
}

/// What was cleared reads as if it had never been set from the next write on.
fn settle<T: Default + PartialEq>(field: &mut Option<T>) {
    if field.as_ref().is_some_and(|value| *value == T::default()) {
        *field = None;
    }
}
