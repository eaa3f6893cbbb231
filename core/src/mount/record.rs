//! A mount's record.

use std::collections::BTreeMap;

use sdk::PluginKind;
use serde::{Deserialize, Serialize};

/// The two tables of a namespace. Paths of the second are below `auth/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    Secret,
    Auth,
}

impl Table {
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Auth => "auth",
        }
    }

    /// What stands before a mount's path on the wire.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Secret => "",
            Self::Auth => "auth/",
        }
    }

    /// The table and the path in it that a path with `auth/` before it, or without, means.
    pub fn of(full_path: &str) -> (Self, &str) {
        match full_path.strip_prefix("auth/") {
            Some(path) => (Self::Auth, path),
            None => (Self::Secret, full_path),
        }
    }

    pub fn plugins(self) -> PluginKind {
        match self {
            Self::Secret => PluginKind::Secret,
            Self::Auth => PluginKind::Auth,
        }
    }
}

/// What can be tuned. Absent lists were never set; empty ones were cleared.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MountConfig {
    /// Seconds; zero takes the server's.
    pub default_lease_ttl: u64,
    /// Seconds; zero takes the server's.
    pub max_lease_ttl: u64,
    pub force_no_cache: bool,
    pub listing_visibility: Option<String>,
    pub audit_non_hmac_request_keys: Option<Vec<String>>,
    pub audit_non_hmac_response_keys: Option<Vec<String>>,
    pub passthrough_request_headers: Option<Vec<String>>,
    pub allowed_response_headers: Option<Vec<String>>,
    pub token_type: Option<String>,
    pub user_lockout: Option<UserLockout>,
}

/// When a user who gives wrong credentials is not let in for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserLockout {
    /// Failed logins; zero takes the server's number.
    pub threshold: u64,
    /// Seconds; zero takes the server's.
    pub duration: u64,
    /// Seconds after which failed logins are forgotten; zero takes the server's.
    pub counter_reset: u64,
    pub disable: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    pub table: Table,
    /// With a slash at its end, without `auth/`.
    pub path: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub uuid: String,
    pub accessor: String,
    pub description: String,
    /// `None` reads `null`: the mounts every server has.
    pub options: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub seal_wrap: bool,
    #[serde(default)]
    pub external_entropy_access: bool,
    #[serde(default)]
    pub config: MountConfig,
}

impl Mount {
    pub fn new(table: Table, path: &str, type_name: &str, description: &str) -> Self {
        let random: [u8; 4] = crypto::random();
        Self {
            table,
            path: path.to_owned(),
            type_name: type_name.to_owned(),
            uuid: uuid::Uuid::from_bytes(crypto::random()).to_string(),
            accessor: format!("{}{type_name}_{}", if table == Table::Auth { "auth_" } else { "" }, hex::encode(random)),
            description: description.to_owned(),
            options: None,
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            config: MountConfig::default(),
        }
    }

    /// The mounts that every namespace has.
    pub fn builtins() -> Vec<Self> {
        let mut sys = Self::new(Table::Secret, "sys/", "system", "endpoints for control, policy and debugging");
        sys.seal_wrap = true;
        sys.config.passthrough_request_headers = Some(vec!["Accept".into()]);
        let mut identity = Self::new(Table::Secret, "identity/", "identity", "identity store");
        identity.config.passthrough_request_headers = Some(vec!["Authorization".into()]);
        let mut cubbyhole = Self::new(Table::Secret, "cubbyhole/", "cubbyhole", "secrets of one token alone");
        cubbyhole.local = true;
        let token = Self::new(Table::Auth, "token/", "token", "token based credentials");
        vec![sys, identity, cubbyhole, token]
    }

    /// Of the kinds that every server has, which cannot be mounted again, moved or removed.
    pub fn is_builtin(&self) -> bool {
        is_builtin(self.table, &self.type_name)
    }

    /// The path as requests begin with it.
    pub fn full_path(&self) -> String {
        format!("{}{}", self.table.prefix(), self.path)
    }
}

/// Whether this is one of the kinds that every server has.
pub fn is_builtin(table: Table, type_name: &str) -> bool {
    match table {
        Table::Secret => matches!(type_name, "system" | "identity" | "cubbyhole"),
        Table::Auth => type_name == "token",
    }
}
