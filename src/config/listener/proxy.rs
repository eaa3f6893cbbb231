//! `proxy_protocol_*`: a balancer that writes the client's address before the connection's own bytes.

use super::super::declared::Key;
use super::super::declared::Takes::{List, Word};
use super::super::problem::ConfigError;
use super::super::section::Section;
use super::network::Networks;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyProtocol {
    pub behaviour: ProxyBehaviour,
    pub authorized: Networks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyBehaviour {
    /// The header is believed, whoever sends it.
    UseAlways,
    /// It is believed if an authorized address sends it, else passed over.
    AllowAuthorized,
    /// Only authorized addresses may connect.
    DenyUnauthorized,
}

pub const KEYS: &[Key] = &[
    Key::new(
        "proxy_protocol_behavior",
        Word,
        "",
        "Expects the PROXY protocol, version 1 or 2. `use_always` believes every sender, `allow_authorized` only the \
         addresses of `proxy_protocol_authorized_addrs`, whose absence from it makes a header be passed over, and \
         `deny_unauthorized` closes the connections of others.",
    ),
    Key::new("proxy_protocol_authorized_addrs", List, "", "Addresses and networks of the balancers."),
];

pub(super) fn read(section: &Section<'_>) -> Result<Option<ProxyProtocol>, ConfigError> {
    let authorized = Networks::read(section, "proxy_protocol_authorized_addrs")?;
    let Some(entry) = section.entry("proxy_protocol_behavior") else { return Ok(None) };
    let behaviour = match entry.text()?.as_str() {
        "" => return Ok(None),
        "use_always" => ProxyBehaviour::UseAlways,
        "allow_authorized" => ProxyBehaviour::AllowAuthorized,
        "deny_unauthorized" => ProxyBehaviour::DenyUnauthorized,
        _ => return Err(entry.bad("it must be use_always, allow_authorized or deny_unauthorized")),
    };
    if behaviour != ProxyBehaviour::UseAlways && authorized.is_none() {
        return Err(entry.bad("it needs `proxy_protocol_authorized_addrs`"));
    }
    Ok(Some(ProxyProtocol { behaviour, authorized: authorized.unwrap_or_default() }))
}
