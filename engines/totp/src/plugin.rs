//! The plugin: its type and its paths.

use sdk::{Backend, MountInfo, Plugin, PluginKind};

use crate::paths;

pub struct Totp(Backend);

impl Default for Totp {
    fn default() -> Self {
        let paths = vec![paths::keys::path(), paths::key::path(), paths::code::path()];
        Self(Backend::new("Makes and checks time-based one-time codes.", paths))
    }
}

impl Plugin for Totp {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }

    fn types(&self) -> &'static [&'static str] {
        &["totp"]
    }

    fn backend(&self, _: &MountInfo) -> &Backend {
        &self.0
    }
}
