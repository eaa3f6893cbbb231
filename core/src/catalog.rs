//! The plugins this server has, by the type names that mount them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sdk::{Plugin, PluginKind};

#[derive(Clone, Default)]
pub struct Catalog {
    plugins: BTreeMap<(bool, &'static str), Arc<dyn Plugin>>,
}

impl Catalog {
    #[must_use]
    pub fn with(mut self, plugin: impl Plugin + 'static) -> Self {
        let plugin: Arc<dyn Plugin> = Arc::new(plugin);
        for name in plugin.types() {
            self.plugins.insert((plugin.kind() == PluginKind::Auth, name), Arc::clone(&plugin));
        }
        self
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Plugin>> {
        self.plugins.values()
    }

    /// Every type name that mounts one.
    pub fn types(&self) -> impl Iterator<Item = (PluginKind, &'static str)> {
        self.plugins.keys().map(|(auth, name)| (if *auth { PluginKind::Auth } else { PluginKind::Secret }, *name))
    }

    pub fn find(&self, kind: PluginKind, type_name: &str) -> Option<&Arc<dyn Plugin>> {
        self.plugins
            .iter()
            .find(|((auth, name), _)| *auth == (kind == PluginKind::Auth) && *name == type_name)
            .map(|f| f.1)
    }

    /// The proper names of the plugins of one kind, sorted.
    pub fn names(&self, kind: PluginKind) -> Vec<&'static str> {
        let of_kind = self.plugins.iter().filter(|((auth, _), _)| *auth == (kind == PluginKind::Auth));
        of_kind.filter(|((_, name), plugin)| plugin.types()[0] == *name).map(|((_, name), _)| *name).collect()
    }
}
