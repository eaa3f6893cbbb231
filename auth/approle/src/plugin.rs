//! The plugin: its paths, and what its tokens may be renewed by.

use sdk::{Backend, Ctx, Failure, Login, MountInfo, Plugin, PluginKind, Renewal, Result, Txn, Value};
use serde::{Deserialize, Serialize};

use crate::paths;
use crate::role::Role;

pub struct Approle(Backend);

impl Default for Approle {
    fn default() -> Self {
        Self(Backend::new("Logs machines in with the ID of a role and a secret ID.", paths::all()))
    }
}

/// What a login leaves with its token.
#[derive(Serialize, Deserialize)]
pub struct Internal {
    pub role_name: String,
    /// A token keeps the policies that it was given.
    pub policies: Vec<String>,
    pub no_default_policy: bool,
}

impl Plugin for Approle {
    fn kind(&self) -> PluginKind {
        PluginKind::Auth
    }

    fn types(&self) -> &'static [&'static str] {
        &["approle"]
    }

    fn renew(&self, _: &Ctx, internal: &Value, txn: &Txn) -> Result<Renewal> {
        let kept = Internal::deserialize(internal).map_err(Failure::internal)?;
        let gone = || {
            Failure::invalid(format!("failed to renew entry: role {:?} does not exist during renewal", kept.role_name))
        };
        let mut token = Role::get(txn, &kept.role_name)?.ok_or_else(gone)?.token;
        (token.policies, token.no_default_policy) = (kept.policies, kept.no_default_policy);
        Ok(Renewal { token })
    }

    fn stands(&self, _: &Ctx, login: &Login, txn: &Txn) -> Result<bool> {
        let found = Role::with_id(txn, &login.alias)?;
        Ok(found.is_some_and(|(_, role)| role.token.policies == login.token.policies))
    }

    fn backend(&self, _: &MountInfo) -> &Backend {
        &self.0
    }
}
