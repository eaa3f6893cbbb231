//! `listener "tcp"`: one address that clients talk to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::address;
use super::declared::Takes::{Address, Bytes, Duration as Time, Flag, Number, Path, Word};
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;
use super::telemetry;

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
    /// False with `tls_disable_client_certs`: a client is not asked for a certificate.
    pub client_asked: bool,
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
    /// `unauthenticated_metrics_access` of its `telemetry`.
    pub open_metrics: bool,
    pub doors: Doors,
}

/// What needs no token here that otherwise does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// `disable_unauthed_rekey_endpoints = false`
    pub rekey: bool,
    /// `disable_unauthed_generate_root_endpoints = false`
    pub generate_root: bool,
}

impl Doors {
    /// As requests carry them.
    pub fn names(self) -> Vec<String> {
        let doors = [(self.rekey, system::REKEY), (self.generate_root, system::GENERATE_ROOT)];
        doors.into_iter().filter(|(open, _)| *open).map(|(_, name)| name.to_owned()).collect()
    }
}

const PORT: u16 = 8200;
/// Above this there is no limit to be had: a body is held in memory.
const SIZE_LARGEST: usize = 512 << 20;
const DEPTH_LARGEST: u64 = 1000;

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            size: 32 << 20,
            duration: Duration::from_secs(90),
            json_depth: 500,
            json_strings: None,
            open_metrics: false,
            doors: Doors::default(),
        }
    }
}

pub const TCP: Table = Table {
    label: "tcp",
    about: "An address that clients talk to. At least one listener is required.",
    keys: &[&[
        Key::new("address", Address, "127.0.0.1:8200", "The IP address and port to listen on."),
        Key::new(
            "cluster_address",
            Address,
            "",
            "Where other nodes are heard. Without one it is the port after `address`.",
        ),
        Key::new("tls_disable", Flag, "false", "Speaks HTTP in the clear."),
        Key::new("tls_cert_file", Path, "", "The certificate, then those that lead to its root, as a PEM file."),
        Key::new("tls_key_file", Path, "", "The key that belongs to it, as a PEM file."),
        Key::new("tls_min_version", Word, "tls12", "The oldest version of TLS that is spoken: `tls12` or `tls13`."),
        Key::new("tls_client_ca_file", Path, "", "Who may have issued the certificates of clients, as a PEM file."),
        Key::new("tls_require_and_verify_client_cert", Flag, "false", "A client must show a certificate."),
        Key::new("tls_disable_client_certs", Flag, "false", "A client is not asked for a certificate."),
        Key::new("max_request_size", Bytes, "33554432", "The largest body of a request."),
        Key::new("max_request_duration", Time, "90s", "How long a request may take."),
        Key::new("max_json_depth", Number, "500", "How deep a JSON body may be nested."),
        Key::new("max_request_json_strings", Number, "0", "How many texts a JSON body may have, names among them."),
        Key::new("http_read_header_timeout", Time, "10s", "How long a client may take over a request's head."),
        Key::blocks("telemetry", 0, &[&telemetry::OF_LISTENER]),
        Key::new(
            "disable_unauthed_rekey_endpoints",
            Flag,
            "true",
            "Whether new key shares need a token besides the present ones. With `false` whoever reaches this listener may \
             start and cancel attempts.",
        ),
        Key::new(
            "disable_unauthed_generate_root_endpoints",
            Flag,
            "true",
            "Whether generating a root token needs a token besides the key shares.",
        ),
        Key::ignored("agent_api", NotOffered, "this is a server's listener"),
        Key::ignored("proxy_api", NotOffered, "this is a server's listener"),
    ]],
};

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<Listener>, ConfigError> {
    let mut listeners: Vec<Listener> = Vec::new();
    let everywhere = doors(top)?;
    for (labels, section) in top.blocks("listener")? {
        if labels[0] != "tcp" {
            let problem = format!("listener {:?} is not offered: the only kind is \"tcp\"", labels[0]);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        let listener = one(&section, everywhere, warnings)?;
        let taken = |known: &Listener| known.address == listener.address && listener.address.port() != 0;
        if listeners.iter().any(taken) {
            let problem = format!("two listeners have the address {}: each needs one of its own", listener.address);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        listeners.push(listener);
        section.finish(warnings)?;
    }
    if listeners.is_empty() {
        let wanted = "add listener \"tcp\" { address = \"127.0.0.1:8200\" … }";
        return Err(ConfigError::MissingBlock { file: top.file(), block: "listener", wanted });
    }
    Ok(listeners)
}

fn one(section: &Section<'_>, everywhere: Doors, warnings: &mut Vec<Warning>) -> Result<Listener, ConfigError> {
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
    let open = |disable: &'static str| Ok::<_, ConfigError>(section.flag(disable)? == Some(false));
    let doors = Doors {
        rekey: open("disable_unauthed_rekey_endpoints")? || everywhere.rekey,
        generate_root: open("disable_unauthed_generate_root_endpoints")? || everywhere.generate_root,
    };
    Ok(Listener {
        address,
        cluster_address,
        tls: tls(section)?,
        limits: RequestLimits { doors, ..limits(section, warnings)? },
        header_timeout: positive(section, "http_read_header_timeout", Duration::from_secs(10))?,
    })
}

/// `enable_unauthenticated_access`: open at every listener.
fn doors(top: &Section<'_>) -> Result<Doors, ConfigError> {
    let mut doors = Doors::default();
    let Some(entry) = top.entry("enable_unauthenticated_access") else { return Ok(doors) };
    for name in entry.list()? {
        match name.as_str() {
            "rekey" => doors.rekey = true,
            "generate-root" => doors.generate_root = true,
            // There are no such endpoints to open.
            "generate-operation-token" => {}
            _ => return Err(entry.bad(format!("{name:?} is none of \"rekey\" and \"generate-root\""))),
        }
    }
    Ok(doors)
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
        client_ca,
        client_required,
        client_asked: !clients_off,
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
    limits.open_metrics = telemetry::open_metrics(section, warnings)?;
    Ok(limits)
}

/// A duration where zero means "the default".
fn positive(section: &Section<'_>, key: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    Ok(section.duration(key)?.filter(|given| !given.is_zero()).unwrap_or(default))
}
