//! The whole of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use holdfast_core::audit::ApiRules;
use holdfast_core::lockout::LockoutDefaults;

use super::address::{self, ApiAddress, HostPort};
use super::audit::{self, AuditDevice};
use super::declared::Takes::{Address, Duration as Time, Flag, List, Path, Text};
use super::declared::{Key, Table};
use super::elsewhere;
use super::environment::Environment;
use super::flags::Flags;
use super::lease::{self, LeaseLimits};
use super::listener::{self, Listener};
use super::lockout;
use super::log::{self, LogSettings};
use super::outbound::{self, OutboundHost};
use super::problem::{ConfigError, Warning};
use super::raft::{self, RaftStorage};
use super::seal::{self, OfferedTo, Seal};
use super::section::Section;
use super::source::Document;
use super::telemetry::{self, Telemetry};

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
    /// What devices made through the API may reach.
    pub audit_api: ApiRules,
    /// `snapshot_auto_folders`: where automated backups may be written.
    pub snapshot_auto_folders: Vec<PathBuf>,
    /// `outbound_hosts`
    pub outbound_hosts: Vec<OutboundHost>,
    /// `unseal_from_members`: a restarted node is unsealed by an unsealed member.
    pub unseal_from_members: bool,
    /// `seal`: those of the server.
    pub seals: Vec<Seal>,
    /// Those that namespaces may name; some are the server's too.
    pub namespace_seals: Vec<Seal>,
    pub leases: LeaseLimits,
    /// `user_lockout`
    pub lockouts: LockoutDefaults,
    pub log: LogSettings,
    pub telemetry: Telemetry,
    /// False with `disable_performance_standby` (or OpenBao's `disable_standby_reads`): a standby then sends every
    /// request to the active node.
    pub standby_reads: bool,
    /// False with `disable_mlock`: then nothing is said when the kernel lets keys be swapped out.
    pub lock_memory: bool,
    /// `enable_response_header_hostname`
    pub tell_hostname: bool,
    /// `enable_response_header_raft_node_id`
    pub tell_node_id: bool,
    /// `pid_file`
    pub pid_file: Option<PathBuf>,
}

pub const TABLE: Table = Table {
    label: "",
    about: "Outside of any block.",
    keys: &[KEYS, lease::KEYS, log::KEYS, audit::API, BLOCKS, elsewhere::KEYS],
};

const KEYS: &[Key] = &[
    Key::new("cluster_name", Text, "", "The name that a cluster initialised on this node gets. Without one it is made up."),
    Key::new(
        "api_addr",
        Address,
        "",
        "The URL by which clients and other nodes reach this node, such as `https://10.0.0.1:8200`. Without one it is the \
         first listener's address.",
    )
    .after("HOLDFAST_API_ADDR, VAULT_API_ADDR"),
    Key::new(
        "cluster_addr",
        Address,
        "",
        "Where other nodes reach this node, such as `https://10.0.0.1:8201`; the scheme does not matter. Without one it is \
         the host of `api_addr` and the port after the listener's.",
    )
    .after("HOLDFAST_CLUSTER_ADDR, VAULT_CLUSTER_ADDR"),
    Key::new(
        "disable_standby_reads",
        Flag,
        "false",
        "Standbys send every request to the active node instead of answering reads themselves.",
    ),
    Key::new("disable_performance_standby", Flag, "false", "The same under another name."),
    Key::new(
        "disable_mlock",
        Flag,
        "false",
        "Nothing is said when the kernel may write the memory of this process, and with it keys, to swap.",
    ),
    Key::new(
        "enable_unauthenticated_access",
        List,
        "",
        "What needs no token, at any listener, besides key shares: `rekey`, `generate-root`.",
    )
    .reloadable(),
    Key::new(
        "default_max_request_duration",
        Time,
        "90s",
        "How long a request may take on a listener without `max_request_duration`.",
    ),
    Key::new(
        "enable_response_header_hostname",
        Flag,
        "false",
        "Every answer names this node's host in `X-Vault-Hostname`.",
    ),
    Key::new(
        "enable_response_header_raft_node_id",
        Flag,
        "false",
        "Every answer names this node in `X-Vault-Raft-Node-ID`.",
    ),
    Key::new(
        "snapshot_auto_folders",
        List,
        "",
        "Folders that automated backups (`sys/storage/raft/snapshot-auto`) may be written to while this node is active. Without \
         any there are none.",
    ),
    Key::new(
        "outbound_hosts",
        List,
        "",
        "Hosts that a namespace below the root may have this server ask, with a port or for any: the servers of `transit` seals of \
         their own, and services for second factors elsewhere than in Duo's, Okta's and PingID's own domains. The root may have any \
         asked. The same on all nodes.",
    ),
    Key::new(
        "unseal_from_members",
        Flag,
        "false",
        "This node, started anew, is unsealed by a member that is unsealed, and unseals others so; both must be configured so. \
         Shares are then needed only when all nodes were down. Whoever gets hold of a node's disk and of its address can ask as \
         well, until the node is removed.",
    ),
    Key::new("pid_file", Path, "", "The file that holds this process's number while it runs."),
];

const BLOCKS: &[Key] = &[
    Key::blocks("storage", 1, &[&raft::TABLE]),
    Key::blocks("backend", 1, &[&raft::TABLE]),
    Key::blocks("listener", 1, &[&listener::TCP, &listener::UNIX]),
    Key::blocks("seal", 1, seal::TABLES),
    Key::blocks("audit", 2, audit::TABLES),
    Key::blocks("telemetry", 0, &[&telemetry::TABLE]),
    Key::blocks("user_lockout", 1, &[&lockout::TABLE]),
];

pub(super) fn read(
    documents: &[Document],
    environment: &Environment,
    flags: &Flags,
) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let top = Section::top(&TABLE, documents);
    let mut warnings = Vec::new();
    let storage = raft::read(&top, environment, &mut warnings)?;
    let request_duration = top.duration("default_max_request_duration")?.filter(|given| !given.is_zero());
    let listeners = listener::read(&top, request_duration, &mut warnings)?;
    let first = first_address(&listeners);
    let api_address = api_address(&top, environment, &first, &mut warnings)?;
    let seals = seal::read(&top, &mut warnings)?;
    let config = ServerConfig {
        cluster_address: cluster_address(&top, environment, &api_address, &first)?,
        storage,
        listeners,
        api_address,
        cluster_name: top.text("cluster_name")?.filter(|name| !name.is_empty()),
        audit: audit::read(&top, &mut warnings)?,
        audit_api: audit::api(&top)?,
        snapshot_auto_folders: top
            .entry("snapshot_auto_folders")
            .map_or(Ok(Vec::new()), |entry| audit::list(&entry))?
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        outbound_hosts: outbound::read(&top)?,
        unseal_from_members: top.flag("unseal_from_members")?.unwrap_or(false),
        seals: seals.iter().filter(|seal| seal.namespaces != OfferedTo::Namespaces).cloned().collect(),
        namespace_seals: seals.into_iter().filter(|seal| seal.namespaces != OfferedTo::Server).collect(),
        leases: lease::read(&top)?,
        lockouts: lockout::read(&top, &mut warnings)?,
        telemetry: telemetry::read(&top, &mut warnings)?,
        log: log::read(&top, environment, flags)?,
        standby_reads: standby_reads(&top)?,
        lock_memory: !top.flag("disable_mlock")?.unwrap_or(false),
        tell_hostname: top.flag("enable_response_header_hostname")?.unwrap_or(false),
        tell_node_id: top.flag("enable_response_header_raft_node_id")?.unwrap_or(false),
        pid_file: top.path("pid_file")?,
    };
    top.finish(&mut warnings)?;
    Ok((config, warnings))
}

fn standby_reads(top: &Section<'_>) -> Result<bool, ConfigError> {
    let (ours, theirs) = (top.flag("disable_standby_reads")?, top.flag("disable_performance_standby")?);
    Ok(!ours.unwrap_or(false) && !theirs.unwrap_or(false))
}

/// The first listener that has an address.
struct First {
    address: SocketAddr,
    cluster: SocketAddr,
    tls: bool,
}

fn first_address(listeners: &[Listener]) -> First {
    let tcp = listeners.iter().find_map(|listener| Some((listener.endpoint.tcp()?, listener.tls.is_some())));
    let ((address, cluster), tls) = tcp.expect("invariant: reading listeners insists on one with an address");
    First { address, cluster, tls }
}

fn api_address(
    top: &Section<'_>,
    environment: &Environment,
    first: &First,
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
    Ok(ApiAddress { tls: first.tls, at: heard_at.into() })
}

fn cluster_address(
    top: &Section<'_>,
    environment: &Environment,
    api: &ApiAddress,
    first: &First,
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
        address::next_port(api.at.port).unwrap_or(first.cluster.port())
    } else {
        first.cluster.port()
    };
    Ok(HostPort { host: api.at.host.clone(), port })
}
