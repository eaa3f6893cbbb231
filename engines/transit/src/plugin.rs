//! The plugin: its paths, and the keys it has kept.

use std::sync::Arc;

use sdk::{Backend, Chore, Forget, Millis, MountInfo, Plugin, PluginKind, Result, View};

use crate::keys::Keys;
use crate::{paths, rotation};

pub struct Transit {
    backend: Backend,
    keys: Arc<Keys>,
}

impl Default for Transit {
    fn default() -> Self {
        let keys = Arc::new(Keys::default());
        let backend =
            Backend::new("Encrypts, signs and hashes what it is given, and keeps the keys.", paths::all(&keys));
        Self { backend, keys }
    }
}

impl Plugin for Transit {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }

    fn types(&self) -> &'static [&'static str] {
        &["transit"]
    }

    fn due(&self, view: &View, now: Millis) -> Result<Option<Chore>> {
        rotation::due(view, now)
    }

    fn forget(&self, which: Forget<'_>) {
        self.keys.forget(which);
    }

    fn backend(&self, _: &MountInfo) -> &Backend {
        &self.backend
    }
}
