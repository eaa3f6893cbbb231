//! Where things listen and where others reach them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Uri;

use super::problem::ConfigError;
use super::section::Entry;

/// Where clients reach this node: `https://10.0.0.1:8200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAddress {
    pub tls: bool,
    pub at: HostPort,
}

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// An IPv6 address stands in brackets.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.at)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> HostPort {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        HostPort { host, port: address.port() }
    }
}

/// A URL with a scheme and a host and nothing behind them. Without a port it is the scheme's own.
pub(super) fn api(text: &str) -> Option<ApiAddress> {
    let uri: Uri = text.trim().parse().ok()?;
    let tls = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let authority = uri.authority().filter(|authority| bare && !authority.as_str().contains('@'))?;
    let port = match authority.port() {
        Some(port) => port.as_str().parse().ok()?,
        None if authority.as_str() != authority.host() => return None,
        None if tls => 443,
        None => 80,
    };
    Some(ApiAddress { tls, at: HostPort { host: authority.host().to_owned(), port } })
}

/// `https://host:port` as Vault writes it, or `host:port`. The port is required.
pub(super) fn cluster(text: &str) -> Option<HostPort> {
    let text = text.trim();
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let uri: Uri = with_scheme.parse().ok()?;
    uri.authority()?.port()?;
    api(&with_scheme).map(|address| address.at).filter(|at| at.port != 0)
}

/// What a listener binds: `127.0.0.1:8200`, `[::]:8200`, `:8200`, `localhost:8200`.
pub(super) fn listen(entry: &Entry<'_>, default_port: u16) -> Result<SocketAddr, ConfigError> {
    let text = entry.text()?;
    let text = text.trim();
    let wanted = "it must be an IP address and a port such as \"127.0.0.1:8200\" or \"[::]:8200\"";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, default_port));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| entry.bad(wanted))?;
    let ip = match host {
        "" => Ipv4Addr::UNSPECIFIED,
        "localhost" => Ipv4Addr::LOCALHOST,
        _ => return Err(entry.bad(wanted)),
    };
    let port = port.parse().map_err(|_| entry.bad(wanted))?;
    Ok(SocketAddr::new(ip.into(), port))
}

/// The port after this one. A port of 0 means "any free one" and stays 0.
pub(super) fn next_port(port: u16) -> Option<u16> {
    if port == 0 { Some(0) } else { port.checked_add(1) }
}
