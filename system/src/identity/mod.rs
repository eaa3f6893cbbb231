//! `identity/`: who there is, and what groups they are in. One file for each family of paths; the records and their rules
//! are core's.

mod entity;
mod entity_alias;
mod entity_merge;
mod group;
mod group_alias;
mod lookup;
mod mounts;
mod shown;

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Backend, Failure, Keys, Map, MountInfo, Plugin, PluginKind, Reply, Result, Value};

pub struct Identity(Backend);

impl Identity {
    pub fn new(node: &Arc<Node>) -> Self {
        let mut paths = Vec::new();
        paths.extend(entity::paths(node));
        paths.push(entity_merge::path(node));
        paths.extend(entity_alias::paths(node));
        paths.extend(group::paths(node));
        paths.extend(group_alias::paths(node));
        paths.extend(lookup::paths(node));
        Self(Backend::new("The identity store: entities, their aliases, and groups.", paths))
    }
}

/// A listing with more of each key. An empty one is "not found" on the wire.
fn listing(keys: Vec<String>, info: Map<String, Value>) -> Result<Reply<Keys>> {
    if keys.is_empty() {
        return Err(Failure::NotFound);
    }
    Reply::data(Keys { keys, key_info: Some(info) })
}

impl Plugin for Identity {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["identity"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.0
    }
}
