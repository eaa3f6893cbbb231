//! `identity/`: who there is, and what groups they are in. One file for each family of paths; the records and their rules
//! are core's.

mod entity;
mod entity_alias;
mod entity_merge;
mod group;
mod group_alias;
mod lookup;
mod mfa;
mod mounts;
mod oidc;
mod shown;
mod spelling;

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{
    Backend, Chore, Failure, Forget, Keys, Map, Millis, MountInfo, Plugin, PluginKind, Reply, Result, Value, View,
};
use serde::Serialize;

pub struct Identity {
    backend: Backend,
    oidc: Arc<oidc::Oidc>,
}

impl Identity {
    pub fn new(node: &Arc<Node>) -> Self {
        let mut paths = Vec::new();
        paths.extend(entity::paths(node));
        paths.push(entity_merge::path(node));
        paths.extend(entity_alias::paths(node));
        paths.extend(group::paths(node));
        paths.extend(group_alias::paths(node));
        paths.extend(lookup::paths(node));
        paths.extend(mfa::paths(node));
        let oidc = oidc::Oidc::new(node);
        paths.extend(oidc.paths());
        Self {
            backend: Backend::new(
                "The identity store: entities, their aliases, groups, second factors, and OIDC.",
                paths,
            ),
            oidc,
        }
    }
}

/// A listing with more of each key. An empty one is "not found" on the wire.
fn listing(keys: Vec<String>, info: Map<String, Value>) -> Result<Reply<Keys>> {
    if keys.is_empty() {
        return Err(Failure::NotFound);
    }
    Reply::data(Keys { keys, key_info: Some(info) })
}

/// The same, where each key says what is told of it; one that is gone by now is left without.
fn listed<T: Serialize>(keys: Vec<String>, show: impl Fn(&str) -> Result<Option<T>>) -> Result<Reply<Keys>> {
    let mut info = Map::new();
    for key in &keys {
        if let Some(shown) = show(key)? {
            info.insert(key.clone(), serde_json::to_value(shown).map_err(Failure::internal)?);
        }
    }
    listing(keys, info)
}

impl Plugin for Identity {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["identity"]
    }
    fn due(&self, view: &View, now: Millis) -> Result<Option<Chore>> {
        ::oidc::due(view, now)
    }
    fn next_due(&self, view: &View) -> Result<Option<Millis>> {
        ::oidc::next_due(view)
    }
    fn forget(&self, which: Forget<'_>) {
        self.oidc.forget(which);
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
}
