//! Where a listener listens: `address`, `cluster_address`, or a socket's file and who may open it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::super::address;
use super::super::declared::Key;
use super::super::declared::Takes::{Address, Path, Text};
use super::super::problem::ConfigError;
use super::super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `cluster_address` is where other nodes are heard.
    Tcp {
        address: SocketAddr,
        cluster_address: SocketAddr,
    },
    Unix(UnixSocket),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// `address`
    pub path: PathBuf,
    /// `socket_mode`
    pub mode: Option<u32>,
    /// `socket_user`: a name or a number.
    pub user: Option<String>,
    /// `socket_group`
    pub group: Option<String>,
}

const PORT: u16 = 8200;

pub const TCP_KEYS: &[Key] = &[
    Key::new("address", Address, "127.0.0.1:8200", "The IP address and port to listen on."),
    Key::new(
        "cluster_address",
        Address,
        "127.0.0.1:8201",
        "Where other nodes are heard. Without one it is the port after `address`.",
    ),
];

pub const UNIX_KEYS: &[Key] = &[
    Key::new("address", Path, "", "The file of the socket. What is left of an earlier one is removed. Required."),
    Key::new("socket_mode", Text, "", "The file's permissions in octal, such as `660`. Without it the umask decides."),
    Key::new("socket_user", Text, "", "The file's owner, a name or a number."),
    Key::new("socket_group", Text, "", "The file's group, a name or a number."),
];

pub(super) fn tcp(section: &Section<'_>) -> Result<Endpoint, ConfigError> {
    let address = match section.entry("address") {
        Some(entry) => address::listen(&entry, PORT)?,
        None => SocketAddr::from(([127, 0, 0, 1], PORT)),
    };
    let cluster_address = match section.entry("cluster_address") {
        Some(entry) => address::listen(&entry, PORT + 1)?,
        None => {
            let next = address::next_port(address.port()).map(|port| SocketAddr::new(address.ip(), port));
            next.ok_or_else(|| missing(section, "cluster_address", "there is no port after that of `address`"))?
        }
    };
    if cluster_address == address && address.port() != 0 {
        let problem = format!("`address` and `cluster_address` are both {address}: clients and nodes need one each");
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    Ok(Endpoint::Tcp { address, cluster_address })
}

pub(super) fn unix(section: &Section<'_>) -> Result<Endpoint, ConfigError> {
    let path = section.path("address")?;
    let mode = match section.entry("socket_mode") {
        None => None,
        Some(entry) => {
            let mode = u32::from_str_radix(&entry.text()?, 8).ok().filter(|mode| *mode <= 0o777);
            Some(mode.ok_or_else(|| entry.bad("it must be an octal file mode such as \"660\""))?)
        }
    };
    let named = |key| Ok(section.text(key)?.filter(|name| !name.is_empty()));
    let (user, group) = (named("socket_user")?, named("socket_group")?);
    let path =
        path.ok_or_else(|| missing(section, "address", "it names the socket's file, such as \"/run/holdfast.sock\""))?;
    Ok(Endpoint::Unix(UnixSocket { path, mode, user, group }))
}

fn missing(section: &Section<'_>, key: &'static str, wanted: &'static str) -> ConfigError {
    ConfigError::MissingKey { place: section.place(), block: section.name.clone(), key, wanted }
}

impl Endpoint {
    /// The address for clients and that for nodes.
    pub fn tcp(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Endpoint::Tcp { address, cluster_address } => Some((*address, *cluster_address)),
            Endpoint::Unix(_) => None,
        }
    }

    /// Whether clients find both in the same place, whatever else differs.
    pub fn is_at(&self, other: &Endpoint) -> bool {
        match (self, other) {
            (Endpoint::Tcp { address, .. }, Endpoint::Tcp { address: other, .. }) => address == other,
            (Endpoint::Unix(socket), Endpoint::Unix(other)) => socket.path == other.path,
            _ => false,
        }
    }

    pub(super) fn collides(&self, other: &Endpoint) -> bool {
        // Each is given a port of its own for zero.
        self.is_at(other) && self.tcp().is_none_or(|(address, _)| address.port() != 0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { address, .. } => write!(f, "{address}"),
            Endpoint::Unix(socket) => write!(f, "{}", socket.path.display()),
        }
    }
}
