//! `identity/`: mounted everywhere, without paths so far.

use sdk::{Backend, MountInfo, Plugin, PluginKind};

pub struct Identity(Backend);

impl Identity {
    pub fn new() -> Self {
        Self(Backend::new("The identity store.", Vec::new()))
    }
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
