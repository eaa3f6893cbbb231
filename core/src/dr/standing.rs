//! How this cluster stands to others, as each of its nodes knows it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tokio::time::Instant;

use super::{Change, DrError, Link, Standing};
use crate::lifecycle::{ChangeError, Node};

impl Standing {
    /// As the API names it.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Alone => "disabled",
            Self::Primary { .. } => "primary",
            Self::Secondary { .. } => "secondary",
        }
    }
}

impl From<ChangeError> for DrError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown(text) => Self::Unknown(text),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Node {
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Whether it takes its records from another cluster, and writes none itself.
    pub fn is_secondary(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Secondary { .. })
    }

    pub fn other_cluster(&self) -> &Arc<dyn Link> {
        &self.other_cluster
    }

    /// Whether it has records of its own to look after: unsealed, and no copy.
    pub(crate) fn writes(&self) -> bool {
        !self.is_sealed() && !self.is_secondary()
    }

    /// On the active node.
    pub async fn change_standing(&self, change: Change, deadline: Instant) -> Result<(), DrError> {
        // What the change is must not be a log's to repeat: an invitation's secret is a hash, but wraps are long.
        let what = named(&change);
        if let Change::Readdress { addresses } = &change
            && let Some(bad) = addresses.iter().find(|address| !is_host_and_port(address))
        {
            return Err(DrError::Refused(format!(
                "{bad:?} is not where a node could be: give host and port of its cluster listener, such as 10.0.0.7:8201 or \
                 [fd00::7]:8201"
            )));
        }
        self.other_cluster.change(change, deadline).await?;
        tracing::warn!(
            change = what,
            standing = self.standing.borrow().mode(),
            "how this cluster stands to others has changed"
        );
        Ok(())
    }
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0);
    port && match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host.parse::<Ipv6Addr>().is_ok(),
        // What ends in a number is an address, and no name.
        None if host.rsplit('.').next().is_some_and(|last| last.parse::<u64>().is_ok()) => {
            host.parse::<Ipv4Addr>().is_ok()
        }
        None => host.len() <= HOST_MAX && host.split('.').all(is_label),
    }
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LABEL_MAX).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Of names in DNS.
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

fn named(change: &Change) -> &'static str {
    match change {
        Change::EnablePrimary => "enabled as a primary",
        Change::DisablePrimary => "disabled as a primary",
        Change::Demote => "demoted",
        Change::Invite { .. } => "a secondary invited",
        Change::Revoke { .. } => "a secondary revoked",
        Change::Follow { .. } => "following a primary",
        Change::Readdress { .. } => "primary elsewhere",
        Change::Promote { .. } => "promoted",
        Change::Leave => "following no more",
    }
}

#[cfg(test)]
mod tests {
    use super::is_host_and_port;

    #[test]
    fn a_place_is_a_host_and_a_port() {
        for good in ["127.0.0.1:1", "a:65535", "node-1.east.example:8201", "n_1:8201", "[::1]:8201", "4u.example:1"] {
            assert!(is_host_and_port(good), "{good}");
        }
        let bad = ["nonsense", "256.1.1.1:8201", "127.0.0.1:99999", "a:0", "a:", ":1", "::1:8201", "a:+1", "1.2.3:1"];
        for bad in bad.into_iter().chain(["https://a:8201", "a b:1", "[a]:1", "-a:1", "a..b:1", "a:8201/x", ""]) {
            assert!(!is_host_and_port(bad), "{bad}");
        }
    }
}
