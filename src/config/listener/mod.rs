//! `listener`: where clients are heard, and what is asked of them there.

mod access;
mod doors;
mod endpoint;
mod forwarded;
mod headers;
mod limits;
mod metrics;
mod network;
mod proxy;
mod tls;

pub use access::{Access, Cors, Redaction};
pub use doors::Doors;
pub use endpoint::{Endpoint, UnixSocket};
pub use forwarded::{CertificateDecoder, CertificateHeader, ForwardedFor};
pub use headers::ResponseHeaders;
pub use limits::{HttpTimeouts, RequestLimits};
pub use metrics::MetricsAccess;
pub use proxy::{ProxyBehaviour, ProxyProtocol};
pub use tls::{TlsFiles, TlsVersion};

use std::net::SocketAddr;
use std::time::Duration;

use super::declared::Why::{NotOffered, Obsolete};
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub endpoint: Endpoint,
    /// `None` with `tls_disable`, and on a socket of this machine.
    pub tls: Option<TlsFiles>,
    pub proxy: Option<ProxyProtocol>,
    pub forwarded: Option<ForwardedFor>,
    pub certificate_header: Option<CertificateHeader>,
    pub limits: RequestLimits,
    pub timeouts: HttpTimeouts,
    pub headers: ResponseHeaders,
    pub access: Access,
    pub doors: Doors,
    pub metrics: MetricsAccess,
}

pub const TCP: Table = Table {
    label: "tcp",
    about: "An address that clients talk to. At least one is required, for other nodes are heard beside it.",
    keys: &[
        endpoint::TCP_KEYS,
        tls::KEYS,
        proxy::KEYS,
        forwarded::KEYS,
        forwarded::CERTIFICATE_KEYS,
        limits::KEYS,
        headers::KEYS,
        access::KEYS,
        doors::KEYS,
        metrics::KEYS,
        KEYS,
    ],
};

pub const UNIX: Table = Table {
    label: "unix",
    about: "A socket of this machine that clients talk to, in the clear.",
    keys: &[
        endpoint::UNIX_KEYS,
        forwarded::CERTIFICATE_KEYS,
        limits::KEYS,
        headers::KEYS,
        access::KEYS,
        doors::KEYS,
        metrics::KEYS,
        KEYS,
    ],
};

const KEYS: &[Key] = &[
    Key::refused("chroot_namespace", "its clients would reach all namespaces; give them tokens of their own namespace"),
    Key::ignored("agent_api", NotOffered, "this is a server's listener"),
    Key::ignored("proxy_api", NotOffered, "this is a server's listener"),
    Key::ignored("purpose", Obsolete, "every listener serves the whole API"),
    Key::ignored("disable_replication_status_endpoints", Obsolete, "replication's status says nothing about secrets"),
    Key::ignored("disable_request_limiter", Obsolete, "there is no adaptive limiter to switch off"),
    Key::ignored("profiling", NotOffered, "there is no sys/pprof"),
    Key::ignored("inflight_requests_logging", NotOffered, "sys/in-flight-req takes a token"),
];

/// All listeners; `request_duration` holds where a listener has none of its own.
pub(super) fn read(
    top: &Section<'_>,
    request_duration: Option<Duration>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Listener>, ConfigError> {
    let mut listeners: Vec<Listener> = Vec::new();
    let everywhere = doors::everywhere(top)?;
    for (labels, section) in top.blocks("listener")? {
        let wrong = |problem| ConfigError::BadBlock { place: section.place(), problem };
        let listener = match labels[0].as_str() {
            "tcp" => tcp(&section, warnings)?,
            "unix" => unix(&section, warnings)?,
            other => {
                return Err(wrong(format!("listener {other:?} is not offered: the kinds are \"tcp\" and \"unix\"")));
            }
        };
        if let Some(known) = listeners.iter().find(|known| known.endpoint.collides(&listener.endpoint)) {
            let problem = format!("two listeners have the address {}: each needs one of its own", known.endpoint);
            return Err(wrong(problem));
        }
        listeners.push(Listener { doors: doors::read(&section, everywhere)?, ..listener });
        section.finish(warnings)?;
    }
    if listeners.iter().all(|listener| listener.endpoint.tcp().is_none()) {
        let wanted = "add listener \"tcp\" { address = \"127.0.0.1:8200\" … }";
        return Err(ConfigError::MissingBlock { file: top.file(), block: "listener", wanted });
    }
    for listener in &mut listeners {
        listener.limits.duration = listener.limits.own_duration.or(request_duration).unwrap_or(limits::DURATION);
    }
    Ok(listeners)
}

fn tcp(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Listener, ConfigError> {
    Ok(Listener {
        endpoint: endpoint::tcp(section)?,
        tls: tls::read(section, warnings)?,
        proxy: proxy::read(section)?,
        forwarded: forwarded::read(section)?,
        ..shared(section, warnings)?
    })
}

fn unix(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Listener, ConfigError> {
    Ok(Listener { endpoint: endpoint::unix(section)?, ..shared(section, warnings)? })
}

/// What both kinds have. The endpoint is still to be put in.
fn shared(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Listener, ConfigError> {
    Ok(Listener {
        certificate_header: forwarded::read_certificate(section)?,
        limits: limits::read(section, warnings)?,
        timeouts: limits::read_timeouts(section)?,
        headers: headers::read(section, warnings)?,
        access: access::read(section)?,
        metrics: metrics::read(section, warnings)?,
        ..Listener::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    })
}

impl Listener {
    /// One in the clear, with everything else as it is without keys.
    pub fn at(address: SocketAddr) -> Listener {
        let cluster_address = SocketAddr::new(address.ip(), address.port().wrapping_add(1));
        Listener {
            endpoint: Endpoint::Tcp { address, cluster_address },
            tls: None,
            proxy: None,
            forwarded: None,
            certificate_header: None,
            limits: RequestLimits::default(),
            timeouts: HttpTimeouts::default(),
            headers: ResponseHeaders::default(),
            access: Access::default(),
            doors: Doors::default(),
            metrics: MetricsAccess::default(),
        }
    }
}
