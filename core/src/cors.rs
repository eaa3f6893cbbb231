//! Which web pages may talk to the cluster, as `sys/config/cors` says it to all nodes.

use sdk::{Key, Read, Txn};
use serde::{Deserialize, Serialize};
use storage::Access;

/// There is a record while pages of other origins may ask at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRules {
    /// `*` alone is all.
    pub origins: Vec<String>,
    /// Headers beyond those that clients of this API send.
    pub headers: Vec<String>,
    pub credentials: bool,
}

impl CorsRules {
    pub fn read(read: &impl Read) -> Result<Option<Self>, Access> {
        read.get(&key())
    }

    pub fn set(&self, txn: &mut Txn) -> Result<(), Access> {
        txn.put(&key(), self)
    }

    pub fn forget(txn: &mut Txn) {
        txn.delete(&key());
    }
}

/// What clients of this API send, and pages may therefore send too.
pub const CLIENT_HEADERS: &[&str] = &[
    "Content-Type",
    "Authorization",
    "X-Vault-Token",
    "X-Vault-MFA",
    "X-Vault-No-Request-Forwarding",
    "X-Vault-Wrap-Format",
    "X-Vault-Wrap-TTL",
    "X-Requested-With",
    "X-Vault-AWS-IAM-Server-ID",
    "X-Vault-Policy-Override",
];

fn key() -> Key {
    Key::kind("cors")
}
