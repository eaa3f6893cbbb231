//! Request headers that entries show: `sys/config/auditing/request-headers`.

use std::collections::BTreeMap;

/// By name, in lower case, whether the values are hashed.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct AuditedHeaders(pub BTreeMap<String, bool>);

impl AuditedHeaders {
    /// `None`: it is not shown.
    pub fn hmac(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
