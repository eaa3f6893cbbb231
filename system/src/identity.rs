//! `identity/`: mounted everywhere.

mod oidc;

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Backend, Chore, Millis, MountInfo, Plugin, PluginKind, Result, View};

pub struct Identity {
    backend: Backend,
    oidc: Arc<oidc::Oidc>,
}

impl Identity {
    pub fn new(node: &Arc<Node>) -> Self {
        let oidc = oidc::Oidc::new(node);
        Self { backend: Backend::new("The identity store.", oidc.paths()), oidc }
    }
}

impl Plugin for Identity {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["identity"]
    }
    fn due(&self, view: &View, now: Millis) -> Result<Option<Chore>> {
        oidc::due(view, now)
    }
    fn forget(&self) {
        self.oidc.forget();
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
}
