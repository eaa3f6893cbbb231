//! The replicated record about rate limits: what is set, and all rules. One record, so that a request learns by one revision
//! whether anything has changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};

/// How many rules there may be of each kind.
pub const RULES_MAX: usize = 500;
/// How many paths may be exempt, and how long one may be.
pub const EXEMPT_MAX: usize = 100;
pub const EXEMPT_LENGTH_MAX: usize = 1024;

/// What is exempt from rate limits until it is set: what an operator needs when nothing else works.
pub const EXEMPT_AT_FIRST: [&str; 7] = [
    "sys/generate-recovery-token/attempt",
    "sys/generate-recovery-token/update",
    "sys/generate-root/attempt",
    "sys/generate-root/update",
    "sys/health",
    "sys/seal-status",
    "sys/unseal",
];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaTable {
    pub config: QuotaConfig,
    /// By name.
    pub rate_limits: BTreeMap<String, RateLimit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaConfig {
    /// Prefixes of paths that no rate limit holds for.
    pub exempt: Vec<String>,
    /// Whether answers say how much is left.
    pub headers: bool,
    /// Whether requests that a rate limit has refused are audited.
    pub audit: bool,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self { exempt: EXEMPT_AT_FIRST.iter().map(|path| (*path).to_owned()).collect(), headers: false, audit: false }
    }
}

/// Which requests a rule holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// As requests begin with it from the root, with its slash. Empty: the whole namespace.
    pub mount: String,
    /// The path of the namespace, where the rule is of no mount.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Below the mount, without a slash at its end. With a `*` at its end it stands for all that begin so.
    #[serde(default)]
    pub below: String,
    /// Of logins: the role they are by.
    #[serde(default)]
    pub role: String,
}

impl Scope {
    /// As it is written and read back.
    pub fn path(&self) -> String {
        format!("{}{}{}", self.namespace, self.mount, self.below)
    }

    /// How close it is to a request, if it holds for it: the closest rule counts.
    pub(super) fn closeness(&self, asked: &Asked<'_>, inheritable: Option<bool>) -> Option<(u8, usize)> {
        let Asked { path, namespace, role } = *asked;
        if self.mount.is_empty() {
            let own = namespace == self.namespace;
            let inherits = inheritable.unwrap_or(self.namespace.is_empty()) && namespace.starts_with(&self.namespace);
            return (own || inherits).then_some((0, self.namespace.len()));
        }
        // No mount lies in another, so that is the mount of the request.
        let below = path.strip_prefix(&self.mount).or_else(|| self.mount.strip_suffix('/')?.eq(path).then_some(""))?;
        if !self.role.is_empty() {
            return (role == Some(self.role.as_str())).then_some((4, 0));
        }
        let below = below.trim_end_matches('/');
        match self.below.strip_suffix('*') {
            _ if self.below.is_empty() => Some((1, 0)),
            Some(begins) => below.starts_with(begins).then_some((2, begins.len())),
            None => (below == self.below).then_some((3, 0)),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// From the root.
    pub path: &'a str,
    /// The path of the namespace that it is in.
    pub namespace: &'a str,
    pub role: Option<&'a str>,
}

/// How many requests a client may make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Of this rule since it was last written: clients begin anew with it.
    pub id: String,
    pub scope: Scope,
    /// Requests in `interval`.
    pub rate: f64,
    /// Seconds.
    pub interval: u64,
    /// Seconds for which whoever had too many gets nothing at all; zero for none.
    pub block: u64,
    /// Of a rule of a namespace: whether it holds in those below as well. Not said: the root's does.
    pub inheritable: Option<bool>,
}

impl RateLimit {
    /// As many as fit into an interval.
    pub fn most(&self) -> u64 {
        // Whoever sets a rule lets something through.
        (self.rate.round() as u64).max(1)
    }
}

pub(super) fn key() -> PathKey {
    PathKey::kind("quotas")
}

impl QuotaTable {
    pub fn read(read: &impl Read) -> Result<Self, Access> {
        Ok(read.get(&key())?.unwrap_or_default())
    }

    /// To be changed and written in this transaction.
    pub fn change(txn: &mut Txn) -> Result<Self, Access> {
        Ok(txn.get_for_update(&key())?.unwrap_or_default())
    }

    pub fn write(&self, txn: &mut Txn) -> Result<(), Access> {
        txn.put(&key(), self)
    }

    /// The rule that counts for a request.
    pub(super) fn rate_limit(&self, asked: &Asked<'_>) -> Option<(&String, &RateLimit)> {
        closest(self.rate_limits.iter(), |rule| (&rule.scope, rule.inheritable), asked)
    }

    /// Whether any rule asks by which role a login at this path is.
    pub fn asks_role(&self, path: &str) -> bool {
        self.rate_limits.values().any(|rule| !rule.scope.role.is_empty() && path.starts_with(&rule.scope.mount))
    }

    pub fn is_exempt(&self, path: &str) -> bool {
        self.config.exempt.iter().any(|exempt| path.starts_with(exempt.trim_end_matches('*')))
    }
}

pub(super) fn closest<'a, T>(
    rules: impl Iterator<Item = (&'a String, &'a T)>,
    scope: impl Fn(&T) -> (&Scope, Option<bool>),
    asked: &Asked<'_>,
) -> Option<(&'a String, &'a T)> {
    let near = rules.filter_map(|rule| {
        let (scope, inheritable) = scope(rule.1);
        Some((scope.closeness(asked, inheritable)?, rule))
    });
    near.max_by_key(|(closeness, _)| *closeness).map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scopes: &[(&str, &str, &str)]) -> QuotaTable {
        let mut table = QuotaTable::default();
        for (mount, below, role) in scopes {
            let scope =
                Scope { mount: (*mount).into(), below: (*below).into(), role: (*role).into(), ..Scope::default() };
            let name = format!("{mount}|{below}|{role}");
            let rule = RateLimit { id: name.clone(), scope, rate: 1.0, interval: 1, block: 0, inheritable: None };
            table.rate_limits.insert(name, rule);
        }
        table
    }

    #[test]
    fn the_closest_rule_counts() {
        let table = table(&[
            ("", "", ""),
            ("kv/", "", ""),
            ("kv/", "a*", ""),
            ("kv/", "app*", ""),
            ("kv/", "app/x", ""),
            ("auth/ar/", "login", ""),
            ("auth/ar/", "", "web"),
        ]);
        let closest = |path, role| {
            let asked = Asked { path, namespace: "", role };
            table.rate_limit(&asked).map(|(name, _)| name.as_str())
        };
        assert_eq!(closest("other/a", None), Some("||"));
        assert_eq!(closest("kv/b", None), Some("kv/||"));
        assert_eq!(closest("kv", None), Some("kv/||"));
        assert_eq!(closest("kvetch/b", None), Some("||"));
        assert_eq!(closest("kv/abc", None), Some("kv/|a*|"));
        assert_eq!(closest("kv/app/y", None), Some("kv/|app*|"));
        assert_eq!(closest("kv/app/x/", None), Some("kv/|app/x|"));
        assert_eq!(closest("auth/ar/login", Some("web")), Some("auth/ar/||web"));
        assert_eq!(closest("auth/ar/login", Some("db")), Some("auth/ar/|login|"));
        assert!(table.asks_role("auth/ar/login") && !table.asks_role("kv/a"));
    }

    #[test]
    fn a_rule_of_a_namespace_is_inherited_where_it_says_so() {
        let mut table = table(&[("", "", ""), ("team/kv/", "", "")]);
        for (namespace, inheritable) in [("team/", None), ("open/", Some(true))] {
            let scope = Scope { namespace: namespace.into(), ..Scope::default() };
            let rule = RateLimit { id: namespace.into(), scope, rate: 1.0, interval: 1, block: 0, inheritable };
            table.rate_limits.insert(namespace.into(), rule);
        }
        let closest = |table: &QuotaTable, namespace: &str, path: &str| {
            let path = format!("{namespace}{path}");
            let asked = Asked { path: &path, namespace, role: None };
            table.rate_limit(&asked).map(|(name, _)| name.clone()).unwrap_or_default()
        };
        for (namespace, path, rule) in [
            ("", "a", "||"),
            ("team/", "kv/a", "team/kv/||"),
            ("team/", "a", "team/"),
            ("team/web/", "a", "||"),
            ("open/", "a", "open/"),
            ("open/web/", "a", "open/"),
            ("opens/", "a", "||"),
        ] {
            assert_eq!(closest(&table, namespace, path), rule, "{namespace}{path}");
        }
        table.rate_limits.get_mut("||").unwrap().inheritable = Some(false);
        assert_eq!((closest(&table, "team/web/", "a"), closest(&table, "", "a")), (String::new(), "||".into()));
    }

    #[test]
    fn what_is_exempt_is_a_prefix() {
        let mut table = QuotaTable::default();
        assert!(table.is_exempt("sys/health") && !table.is_exempt("sys/mounts"));
        table.config.exempt = vec!["kv/free/*".into()];
        assert!(table.is_exempt("kv/free/a") && !table.is_exempt("sys/health"));
    }
}
