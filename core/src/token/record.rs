//! A token's record.

use std::collections::BTreeMap;

use sdk::{Cidr, Namespace, Value};
use serde::{Deserialize, Serialize};
use storage::Millis;

use super::TokenKey;

/// How a token is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A record in the store.
    #[default]
    Service,
    /// Ciphertext in the client's hands: nothing is stored, so it can be neither renewed nor revoked alone.
    Batch,
}

impl TokenKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// Where a token of a login comes from. It counts only while that mount is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The mount's accessor.
    pub mount: String,
    /// What the plugin wants to see again at a renewal.
    pub internal: Value,
}

/// What the server itself has made a token for. It is good for nothing else, and nothing else gives it rights.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Purpose {
    /// All that it may do, as the text of a policy.
    pub policy: String,
    /// What the endpoint that it is for wants to see again.
    pub internal: Value,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct TokenRecord {
    #[serde(default)]
    pub kind: TokenKind,
    pub accessor: String,
    /// Lower case, sorted, each once.
    pub policies: Vec<String>,
    /// The request path that made it.
    pub path: String,
    pub display_name: String,
    pub meta: Option<BTreeMap<String, String>>,
    pub created: Millis,
    /// Seconds; what it was given when it was made. Zero never expires.
    pub creation_ttl: u64,
    /// Seconds; zero for none.
    pub explicit_max_ttl: u64,
    /// Seconds; zero for none.
    pub period: u64,
    pub renewable: bool,
    /// How many uses it was made with; zero for no limit. What is left is a counter.
    pub num_uses: i64,
    pub parent: Option<TokenKey>,
    pub entity_id: String,
    /// When who has it logged in, if they did: of a child, when its maker did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_in: Option<Millis>,
    pub expires: Option<Millis>,
    pub last_renewal: Option<Millis>,
    /// The id of its lease, if it expires.
    pub lease: Option<String>,
    /// Where it may be used from; anywhere if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound_cidrs: Vec<Cidr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The role that it was made against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// The quota that counts its lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<String>,
    /// The namespace that it belongs to. Not its maker's, if that one's lies above.
    #[serde(default, skip_serializing_if = "Namespace::is_root")]
    pub home: Namespace,
    /// `auth/token/root`: the one that initialisation gives.
    #[serde(default)]
    pub initial_root: bool,
}

impl TokenRecord {
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|p| p == "root")
    }

    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Seconds left; zero for one that never expires.
    pub fn ttl(&self, now: Millis) -> u64 {
        self.expires.map_or(0, |at| now.until(at).as_millis().div_ceil(1000) as u64)
    }

    /// The lifetime that it was given the last time, when it was made or renewed.
    pub fn granted(&self) -> std::time::Duration {
        self.expires.map_or_else(Default::default, |end| self.last_renewal.unwrap_or(self.created).until(end))
    }

    pub fn orphan(&self) -> bool {
        self.parent.is_none()
    }
}
