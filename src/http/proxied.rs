//! The PROXY protocol: before the connection's own bytes, a balancer writes who its client is.

use std::net::{IpAddr, SocketAddr};

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{self, AsyncRead, AsyncReadExt};

use crate::config::{ProxyBehaviour, ProxyProtocol};

/// The longest header that is read; both versions are far shorter but for what others may add to the second.
const HEADER_MAX: usize = 2048;

#[derive(Debug, thiserror::Error)]
pub enum ProxiedError {
    #[error("{0} may not connect: it is not one of proxy_protocol_authorized_addrs")]
    NotAuthorized(IpAddr),
    #[error("its PROXY header is longer than {HEADER_MAX} bytes")]
    TooLong,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The client's address, and what was read beyond a header: the connection's own first bytes.
pub async fn read<S: AsyncRead + Unpin>(
    protocol: &ProxyProtocol,
    stream: &mut S,
    remote: SocketAddr,
) -> Result<(SocketAddr, Vec<u8>), ProxiedError> {
    let authorized = protocol.authorized.contain(remote.ip());
    if protocol.behaviour == ProxyBehaviour::DenyUnauthorized && !authorized {
        return Err(ProxiedError::NotAuthorized(remote.ip()));
    }
    let believed = authorized || protocol.behaviour == ProxyBehaviour::UseAlways;
    let mut bytes = Vec::with_capacity(256);
    loop {
        if !may_be_header(&bytes) {
            return Ok((remote, bytes));
        }
        let parsed = HeaderResult::parse(&bytes);
        if let Some((client, length)) = whole(&parsed) {
            let rest = bytes.split_off(length);
            return Ok((client.filter(|_| believed).unwrap_or(remote), rest));
        }
        if !bytes.is_empty() && parsed.is_complete() {
            return Ok((remote, bytes));
        }
        if bytes.len() >= HEADER_MAX {
            return Err(ProxiedError::TooLong);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok((remote, bytes));
        }
    }
}

/// Whether what has come is the beginning of a header.
fn may_be_header(bytes: &[u8]) -> bool {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    begins(v1::PROTOCOL_PREFIX.as_bytes()) || begins(v2::PROTOCOL_PREFIX)
}

/// The address that a whole header names, if it names one, and the header's length.
fn whole(parsed: &HeaderResult<'_>) -> Option<(Option<SocketAddr>, usize)> {
    match parsed {
        HeaderResult::V1(Ok(header)) => {
            let client = match header.addresses {
                v1::Addresses::Tcp4(a) => Some(SocketAddr::from((a.source_address, a.source_port))),
                v1::Addresses::Tcp6(a) => Some(SocketAddr::from((a.source_address, a.source_port))),
                v1::Addresses::Unknown => None,
            };
            Some((client, header.header.len()))
        }
        HeaderResult::V2(Ok(header)) => {
            let client = match header.addresses {
                // The balancer's own probe.
                _ if header.command == v2::Command::Local => None,
                v2::Addresses::IPv4(a) => Some(SocketAddr::from((a.source_address, a.source_port))),
                v2::Addresses::IPv6(a) => Some(SocketAddr::from((a.source_address, a.source_port))),
                v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
            };
            Some((client, header.len()))
        }
        _ => None,
    }
}
