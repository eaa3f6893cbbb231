//! `listener "tcp"`: one address that clients talk to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::address;
use super::problem::{ConfigError, Warning};
use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `address`
    pub address: SocketAddr,
    /// `cluster_address`: where the other nodes are heard. Without one it is `address` with the next port.
    pub cluster_address: SocketAddr,
    /// `None` with `tls_disable`.
    pub tls: Option<TlsFiles>,
    pub limits: RequestLimits,
    /// `http_read_header_timeout`: how long a client may take over a request's head.
    pub header_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `tls_cert_file`: the certificate, then those that lead to its root.
    pub certificate: PathBuf,
    /// `tls_key_file`
    pub key: PathBuf,
    /// `tls_min_version`
    pub min_version: TlsVersion,
    /// `tls_client_ca_file`
    pub client_ca: Option<PathBuf>,
    /// `tls_require_and_verify_client_cert`
    pub client_required: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

/// What one request may be. Checked before anything of it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// `max_request_size`: bytes of a body.
    pub size: usize,
    /// `max_request_duration`
    pub duration: Duration,
    /// `max_json_depth`
    pub json_depth: usize,
    /// `max_request_json_strings`: texts in a body, keys among them. `None`: as many as fit.
    pub json_strings: Option<usize>,
}

const PORT: u16 = 8200;
/// Above this there is no limit to be had: a body is held in memory.
const SIZE_LARGEST: usize = 512 << 20;
const DEPTH_LARGEST: u64 = 1000;

impl Default for RequestLimits {
    fn default() -> Self {
        Self { size: 32 << 20, duration: Duration::from_secs(90), json_depth: 500, json_strings: None }
    }
}

/// What Vault or OpenBao have and this version does nothing with.
const NO_EFFECT: &[&str] = &[
    "agent_api",
    "chroot_namespace",
    "cors_allowed_headers",
    "cors_allowed_origins",
    "cors_enabled",
    "custom_response_headers",
    "disable_replication_status_endpoints",
    "disable_request_limiter",
    "disable_unauthed_generate_root_endpoints",
    "disable_unauthed_rekey_endpoints",
    "http_idle_timeout",
    "http_read_timeout",
    "http_write_timeout",
    "inflight_requests_logging",
    "max_json_array_element_count",
    "max_json_object_entry_count",
    "max_json_string_value_length",
    "max_json_token",
    "max_request_json_memory",
    "profiling",
    "proxy_api",
    "proxy_protocol_authorized_addrs",
    "proxy_protocol_behavior",
    "purpose",
    "redact_addresses",
    "redact_cluster_name",
    "redact_version",
    "require_request_header",
    "role",
    "telemetry",
    "tls_cipher_suites",
    "tls_max_version",
    "tls_prefer_server_cipher_suites",
    "x_forwarded_for_authorized_addrs",
    "x_forwarded_for_client_cert_header",
    "x_forwarded_for_client_cert_header_decoders",
    "x_forwarded_for_hop_skips",
    "x_forwarded_for_reject_not_authorized",
    "x_forwarded_for_reject_not_present",
];

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<Listener>, ConfigError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for (labels, section) in top.blocks("listener", 1)? {
        if labels[0] != "tcp" {
            let problem = format!("listener {:?} is not offered: the only kind is \"tcp\"", labels[0]);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        let listener = one(&section, warnings)?;
        let taken = |known: &Listener| known.address == listener.address && listener.address.port() != 0;
        if listeners.iter().any(taken) {
            let problem = format!("two listeners have the address {}: each needs one of its own", listener.address);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        listeners.push(listener);
        section.finish(NO_EFFECT, warnings);
    }
    if listeners.is_empty() {
        let wanted = "add listener \"tcp\" { address = \"127.0.0.1:8200\" … }";
        return Err(ConfigError::MissingBlock { file: top.file(), block: "listener", wanted });
    }
    Ok(listeners)
}

fn one(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Listener, ConfigError> {
    let address = match section.entry("address") {
        Some(entry) => address::listen(&entry, PORT)?,
        None => SocketAddr::from(([127, 0, 0, 1], PORT)),
    };
    let cluster_address = match section.entry("cluster_address") {
        Some(entry) => address::listen(&entry, PORT + 1)?,
        None => match address::next_port(address.port()) {
            Some(port) => SocketAddr::new(address.ip(), port),
            None => {
                return Err(ConfigError::MissingKey {
                    place: section.place(),
                    block: section.name.clone(),
                    key: "cluster_address",
                    wanted: "there is no port after that of `address`",
                });
            }
        },
    };
    if cluster_address == address && address.port() != 0 {
        let problem = format!("`address` and `cluster_address` are both {address}: clients and nodes need one each");
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    Ok(Listener {
        address,
        cluster_address,
        tls: tls(section)?,
        limits: limits(section, warnings)?,
        header_timeout: positive(section, "http_read_header_timeout", Duration::from_secs(10))?,
    })
}

fn tls(section: &Section<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    let disabled = section.flag("tls_disable")?.unwrap_or(false);
    let (certificate, key) = (section.path("tls_cert_file")?, section.path("tls_key_file")?);
    let client_ca = section.path("tls_client_ca_file")?;
    let required = section.entry("tls_require_and_verify_client_cert");
    let client_required = required.map(|entry| entry.flag()).transpose()?.unwrap_or(false);
    let clients_off = section.flag("tls_disable_client_certs")?.unwrap_or(false);
    let min_version = min_version(section)?;
    if disabled {
        return Ok(None);
    }
    let missing = |key| ConfigError::MissingKey {
        place: section.place(),
        block: section.name.clone(),
        key,
        wanted: "TLS needs `tls_cert_file` and `tls_key_file`; `tls_disable = true` does without",
    };
    if let Some(entry) = required.filter(|_| client_required && clients_off) {
        return Err(
            entry.bad("client certificates cannot be required and, by `tls_disable_client_certs`, not asked for")
        );
    }
    Ok(Some(TlsFiles {
        certificate: certificate.ok_or_else(|| missing("tls_cert_file"))?,
        key: key.ok_or_else(|| missing("tls_key_file"))?,
        min_version,
        client_ca: client_ca.filter(|_| !clients_off),
        client_required,
    }))
}

fn min_version(section: &Section<'_>) -> Result<TlsVersion, ConfigError> {
    let Some(entry) = section.entry("tls_min_version") else { return Ok(TlsVersion::default()) };
    match entry.text()?.as_str() {
        "" | "tls12" => Ok(TlsVersion::Tls12),
        "tls13" => Ok(TlsVersion::Tls13),
        _ => Err(entry.bad("it must be tls12 or tls13; older versions are not offered")),
    }
}

fn limits(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<RequestLimits, ConfigError> {
    let mut limits = RequestLimits::default();
    if let Some(entry) = section.entry("max_request_size") {
        let size = usize::try_from(entry.number()?).unwrap_or(0);
        limits.size = if (1..=SIZE_LARGEST).contains(&size) { size } else { SIZE_LARGEST };
        if limits.size != size {
            let problem = format!("`max_request_size` is taken as {SIZE_LARGEST}, the most that is offered");
            warnings.push(Warning::Adjusted { place: entry.place(), problem });
        }
    }
    limits.duration = positive(section, "max_request_duration", limits.duration)?;
    if let Some(entry) = section.entry("max_json_depth") {
        limits.json_depth = usize::try_from(entry.number_in(1, DEPTH_LARGEST)?).unwrap_or(limits.json_depth);
    }
    if let Some(number) = section.number("max_request_json_strings")? {
        limits.json_strings = usize::try_from(number).ok().filter(|number| *number > 0);
    }
    Ok(limits)
}

/// A duration where zero means "the default".
fn positive(section: &Section<'_>, key: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    Ok(section.duration(key)?.filter(|given| !given.is_zero()).unwrap_or(default))
}
