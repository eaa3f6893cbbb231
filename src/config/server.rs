//! The whole of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::address::{self, ApiAddress, HostPort};
use super::audit::{self, AuditDevice};
use super::environment::Environment;
use super::lease::{self, LeaseLimits};
use super::listener::{self, Listener};
use super::log::{self, LogSettings};
use super::problem::{ConfigError, Warning};
use super::raft::{self, RaftStorage};
use super::seal::{self, Seal};
use super::section::Section;
use super::source::Document;

/// Everything a server is told before it starts. All values are parsed and fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// `storage "raft"`
    pub storage: RaftStorage,
    /// `listener "tcp"`: at least one.
    pub listeners: Vec<Listener>,
    /// `api_addr`: where clients reach this node. Without one it is the first listener.
    pub api_address: ApiAddress,
    /// `cluster_addr`: where nodes reach this node. Without one it is `api_addr` with the next port.
    pub cluster_address: HostPort,
    /// `cluster_name`: given to the cluster when it is initialised here.
    pub cluster_name: Option<String>,
    /// `audit`
    pub audit: Vec<AuditDevice>,
    /// `seal`
    pub seal: Seal,
    pub leases: LeaseLimits,
    pub log: LogSettings,
    /// False with `disable_performance_standby` (or OpenBao's `disable_standby_reads`): a standby then sends every
    /// request to the active node.
    pub standby_reads: bool,
    /// False with `disable_mlock`: then nothing is said when the kernel lets keys be swapped out.
    pub lock_memory: bool,
    /// `pid_file`
    pub pid_file: Option<PathBuf>,
}

/// What Vault or OpenBao have and this version does nothing with.
const NO_EFFECT: &[&str] = &[
    "administrative_namespace_path",
    "allow_audit_log_prefixing",
    "allow_unauthenticated_workflows",
    "cache_size",
    "cluster_cipher_suites",
    "detect_deadlocks",
    "disable_cache",
    "disable_clustering",
    "disable_indexing",
    "disable_printable_check",
    "disable_sealwrap",
    "disable_sentinel_trace",
    "disable_ssct_tokens",
    "enable_multiseal",
    "enable_post_unseal_trace",
    "enable_response_header_hostname",
    "enable_response_header_raft_node_id",
    "enable_ui",
    "enable_unauthenticated_access",
    "entropy",
    "experiments",
    "feature_flags",
    "ha_backend",
    "ha_storage",
    "hsm",
    "imprecise_lease_role_tracking",
    "initialize",
    "introspection_endpoint",
    "kms_library",
    "license_path",
    "log_file",
    "log_requests_level",
    "log_rotate_bytes",
    "log_rotate_duration",
    "log_rotate_max_files",
    "plugin",
    "plugin_auto_download",
    "plugin_auto_register",
    "plugin_directory",
    "plugin_download_behavior",
    "plugin_download_max_size",
    "plugin_file_permissions",
    "plugin_file_uid",
    "plugin_tmpdir",
    "raw_storage_endpoint",
    "replication",
    "reporting",
    "request_limiter",
    "sentinel",
    "service_registration",
    "telemetry",
    "ui",
    "unsafe_allow_api_audit_creation",
    "unsafe_cross_namespace_identity",
    "unsafe_relative_paths",
    "user_lockout",
];

pub(super) fn read(
    documents: &[Document],
    environment: &Environment,
) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let top = Section::top(documents);
    let mut warnings = Vec::new();
    let storage = raft::read(&top, environment, &mut warnings)?;
    let listeners = listener::read(&top, &mut warnings)?;
    let api_address = api_address(&top, environment, &listeners[0], &mut warnings)?;
    let config = ServerConfig {
        cluster_address: cluster_address(&top, environment, &api_address, &listeners[0])?,
        storage,
        listeners,
        api_address,
        cluster_name: top.text("cluster_name")?.filter(|name| !name.is_empty()),
        audit: audit::read(&top, &mut warnings)?,
        seal: seal::read(&top, &mut warnings)?,
        leases: lease::read(&top)?,
        log: log::read(&top, environment)?,
        standby_reads: !top.flag("disable_performance_standby")?.unwrap_or(false)
            && !top.flag("disable_standby_reads")?.unwrap_or(false),
        lock_memory: !top.flag("disable_mlock")?.unwrap_or(false),
        pid_file: top.path("pid_file")?,
    };
    top.finish(NO_EFFECT, &mut warnings);
    Ok((config, warnings))
}

fn api_address(
    top: &Section<'_>,
    environment: &Environment,
    first: &Listener,
    warnings: &mut Vec<Warning>,
) -> Result<ApiAddress, ConfigError> {
    let entry = top.entry("api_addr");
    if let Some(address) = environment.api_address()? {
        return Ok(address);
    }
    if let Some(entry) = entry {
        let wanted = "it must be a URL such as \"https://10.0.0.1:8200\"";
        return address::api(&entry.text()?).ok_or_else(|| entry.bad(wanted));
    }
    let mut heard_at = first.address;
    if heard_at.ip().is_unspecified() {
        heard_at = SocketAddr::from(([127, 0, 0, 1], heard_at.port()));
        let problem =
            format!("without `api_addr` clients and other nodes are told {heard_at}, which they cannot reach");
        warnings.push(Warning::Adjusted { place: top.place(), problem });
    }
    Ok(ApiAddress { tls: first.tls.is_some(), at: heard_at.into() })
}

fn cluster_address(
    top: &Section<'_>,
    environment: &Environment,
    api: &ApiAddress,
    first: &Listener,
) -> Result<HostPort, ConfigError> {
    let entry = top.entry("cluster_addr");
    if let Some(address) = environment.cluster_address()? {
        return Ok(address);
    }
    if let Some(entry) = entry {
        let wanted = "it must be a host and a port such as \"https://10.0.0.1:8201\"";
        return address::cluster(&entry.text()?).ok_or_else(|| entry.bad(wanted));
    }
    // A load balancer's port says nothing about the node's own; the listener's does.
    let port = if api.at.port == first.address.port() {
        address::next_port(api.at.port).unwrap_or(first.cluster_address.port())
    } else {
        first.cluster_address.port()
    };
    Ok(HostPort { host: api.at.host.clone(), port })
}
