//! What a login came to. The plugin says who it is and what the token may be; core makes the token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{TokenSettings, Value};

/// A caller whose credentials were right. Stored where a second factor is asked for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// What the credentials are called: the same at each login of the same user.
    pub alias: String,
    /// Written down with the alias, for policies and whoever looks it up.
    pub alias_metadata: BTreeMap<String, String>,
    /// What the method calls the groups that it says the caller is in: all of them, at each login.
    pub group_aliases: Vec<String>,
    /// Shown in audit entries, behind the mount's path.
    pub display_name: String,
    pub metadata: BTreeMap<String, String>,
    /// What the plugin wants to see again when the token is to be renewed. Nothing secret.
    pub internal: Value,
    pub token: TokenSettings,
    /// Given also to a caller who is not where the token may be used from.
    pub for_elsewhere: bool,
}

/// What somebody brings to end a login that waits for it. No Debug: it has codes in it.
#[derive(Clone)]
pub struct SecondFactor {
    /// Of the login that waits.
    pub id: String,
    /// By a method's id or name, what belongs to it: a code, or nothing where the method asks by itself.
    pub factors: BTreeMap<String, Vec<String>>,
}

/// What a renewal may go by: the settings as they are now.
pub struct Renewal {
    pub token: TokenSettings,
}

/// How a token is kept: as a record, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenType {
    /// As the mount says.
    #[default]
    Default,
    Service,
    Batch,
}

impl TokenType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// An address, or a network of them, that a token may be used from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cidr(ipnet::IpNet);

impl Cidr {
    pub fn parse(text: &str) -> Option<Self> {
        let whole = || text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from);
        text.parse().ok().or_else(whole).map(|net: ipnet::IpNet| Self(net.trunc()))
    }

    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all of `inner` is in it.
    pub fn holds(&self, inner: &Self) -> bool {
        self.0.contains(&inner.0)
    }
}

/// A network of one address is written as that address.
impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// Whether an address is in one of these, or there are none.
pub fn within(bounds: &[Cidr], address: Option<std::net::IpAddr>) -> bool {
    bounds.is_empty() || address.is_some_and(|address| bounds.iter().any(|cidr| cidr.contains(address)))
}
