//! `outbound_hosts`: whom this server asks because a namespace below the root says so.

use super::problem::ConfigError;
use super::section::Section;

/// A host by its name, and one of its ports or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundHost {
    /// In lower case.
    pub host: String,
    pub port: Option<u16>,
}

pub(super) fn read(top: &Section<'_>) -> Result<Vec<OutboundHost>, ConfigError> {
    let Some(entry) = top.entry("outbound_hosts") else { return Ok(Vec::new()) };
    let wanted = "it must be a list of hosts, such as \"kms.example.com\" or \"kms.example.com:8200\"";
    super::audit::list(&entry)?.iter().map(|text| parse(text).ok_or_else(|| entry.bad(wanted))).collect()
}

fn parse(text: &str) -> Option<OutboundHost> {
    let (host, port) = match text.trim().split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (text.trim(), None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!host.is_empty() && host.chars().all(plain)).then(|| OutboundHost { host: host.to_ascii_lowercase(), port })
}

/// Whether the list has this host, as a URL names it.
pub fn allows(list: &[OutboundHost], host: &str, port: u16) -> bool {
    let is =
        |known: &OutboundHost| known.host.eq_ignore_ascii_case(host) && known.port.is_none_or(|known| known == port);
    list.iter().any(is)
}
