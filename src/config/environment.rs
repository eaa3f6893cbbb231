//! What the environment may say in place of the files.

use std::path::PathBuf;

use super::address::{self, ApiAddress, HostPort};
use super::problem::ConfigError;

/// The variables that Vault's server reads, as they stand. `None` and empty are alike.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `VAULT_API_ADDR`
    pub api_addr: Option<String>,
    /// `VAULT_CLUSTER_ADDR`
    pub cluster_addr: Option<String>,
    /// `VAULT_RAFT_NODE_ID`
    pub raft_node_id: Option<String>,
    /// `VAULT_RAFT_PATH`
    pub raft_path: Option<String>,
    /// `VAULT_RAFT_RETRY_JOIN_AS_NON_VOTER`
    pub raft_non_voter: Option<String>,
    /// `VAULT_LOG_LEVEL`
    pub log_level: Option<String>,
    /// `VAULT_LOG_FORMAT`
    pub log_format: Option<String>,
    /// `HOSTNAME`, or what the system calls itself: the node's name where none is given.
    pub host_name: Option<String>,
}

impl Environment {
    pub fn of_process() -> Environment {
        Environment {
            api_addr: setting("API_ADDR"),
            cluster_addr: setting("CLUSTER_ADDR"),
            raft_node_id: setting("RAFT_NODE_ID"),
            raft_path: setting("RAFT_PATH"),
            raft_non_voter: setting("RAFT_RETRY_JOIN_AS_NON_VOTER"),
            log_level: setting("LOG_LEVEL"),
            log_format: setting("LOG_FORMAT"),
            host_name: host_name(),
        }
    }

    pub(super) fn api_address(&self) -> Result<Option<ApiAddress>, ConfigError> {
        let Some(text) = &self.api_addr else { return Ok(None) };
        let bad = || ConfigError::BadVariable {
            name: "VAULT_API_ADDR",
            found: format!("{text:?}"),
            wanted: "it must be a URL such as \"https://10.0.0.1:8200\"",
        };
        address::api(text).ok_or_else(bad).map(Some)
    }

    pub(super) fn cluster_address(&self) -> Result<Option<HostPort>, ConfigError> {
        let Some(text) = &self.cluster_addr else { return Ok(None) };
        let bad = || ConfigError::BadVariable {
            name: "VAULT_CLUSTER_ADDR",
            found: format!("{text:?}"),
            wanted: "it must be a URL such as \"https://10.0.0.1:8201\"",
        };
        address::cluster(text).ok_or_else(bad).map(Some)
    }

    pub(super) fn raft_non_voter(&self) -> Result<Option<bool>, ConfigError> {
        let Some(text) = &self.raft_non_voter else { return Ok(None) };
        let bad = || ConfigError::BadVariable {
            name: "VAULT_RAFT_RETRY_JOIN_AS_NON_VOTER",
            found: format!("{text:?}"),
            wanted: "it must be \"true\" or \"false\"",
        };
        match text.to_lowercase().as_str() {
            "1" | "true" => Ok(Some(true)),
            "0" | "false" => Ok(Some(false)),
            _ => Err(bad()),
        }
    }

    pub(super) fn raft_path(&self) -> Option<PathBuf> {
        self.raft_path.as_ref().map(PathBuf::from)
    }
}

/// `HOLDFAST_<name>`, or else `VAULT_<name>`.
pub(super) fn setting(name: &str) -> Option<String> {
    variable(&format!("HOLDFAST_{name}")).or_else(|| variable(&format!("VAULT_{name}")))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the server's configuration reads variables")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What this machine calls itself.
pub fn host_name() -> Option<String> {
    variable("HOSTNAME").or_else(kernel_host_name)
}

fn kernel_host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
