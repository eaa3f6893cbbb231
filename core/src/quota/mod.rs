//! Quotas: how many requests a client may make, and how many leases there may be.
//!
//! Rate limits are counted by the node that a request came to, before anything is known of who asks: what a cluster lets
//! through is up to the number of nodes that a client talks to. Lease counts are part of the state ([`leases`]), and the same
//! everywhere. Of several rules that hold for a request the closest counts: a role before a path, a path before its mount, a
//! mount before everything.

pub mod leases;
mod rate;
mod table;

pub use leases::{LeaseCount, LeaseCounts};
pub use rate::Allowance;
pub use table::{EXEMPT_LENGTH_MAX, EXEMPT_MAX, QuotaConfig, QuotaTable, RULES_MAX, RateLimit, Scope};

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use storage::{Access, OpenSnapshot, Revision, Txn, View};
use tokio::time::Instant;

use crate::space;
use rate::Clients;
use table::Asked;

/// The rate limits as a node follows them.
#[derive(Default)]
pub struct Quotas {
    current: ArcSwap<Current>,
    /// The state's revision up to which the table is known not to have changed.
    seen: Mutex<Revision>,
    clients: Clients,
}

#[derive(Default)]
struct Current {
    revision: Option<Revision>,
    table: QuotaTable,
}

/// What a request came to at the rate limits.
#[derive(Default)]
pub(crate) struct Taken {
    pub allowed: bool,
    /// To go out with the answer.
    pub headers: BTreeMap<String, String>,
    /// Whether it is to be audited that it was refused.
    pub audited: bool,
}

impl Quotas {
    /// Makes sure that the rules are those of this snapshot, or a later one's.
    pub(crate) fn refresh(&self, snapshot: &OpenSnapshot) -> Result<(), Access> {
        let state = snapshot.state_revision();
        if state.is_known_to(*self.seen.lock()) {
            return Ok(());
        }
        let view = View::new(snapshot.clone(), space::records(&sdk::NamespaceId::root()));
        let revision = view.revision(&table::key())?;
        let read = (self.current.load().revision != revision).then(|| QuotaTable::read(&view)).transpose()?;
        // Held until the revision is noted: an older snapshot's rules must not come after these.
        let mut seen = self.seen.lock();
        if !state.is_known_to(*seen) {
            if let Some(table) = read {
                self.current.store(Arc::new(Current { revision, table }));
            }
            *seen = state;
        }
        Ok(())
    }

    pub(crate) fn limit_any(&self) -> bool {
        !self.current.load().table.rate_limits.is_empty()
    }

    /// Takes a request off its client's allowance. `path` is from the root, in the namespace with that path. `role` is asked only where a rule does.
    pub(crate) fn take(
        &self,
        path: &str,
        namespace: &str,
        client: Option<IpAddr>,
        role: impl FnOnce() -> Option<String>,
        now: Instant,
    ) -> Taken {
        let current = self.current.load();
        let table = &current.table;
        let passed = Taken { allowed: true, ..Taken::default() };
        if table.is_exempt(path) {
            return passed;
        }
        let role = if table.asks_role(path) { role() } else { None };
        let asked = Asked { path, namespace, role: role.as_deref() };
        let Some((name, rule)) = table.rate_limit(&asked) else { return passed };
        let allowance = self.clients.take(rule, client, now);
        if !allowance.allowed {
            metrics::counter!("vault.quota.rate_limit.violation", "name" => name.clone()).increment(1);
        }
        Taken {
            allowed: allowance.allowed,
            headers: headers(&allowance, table.config.headers),
            audited: table.config.audit,
        }
    }

    /// When the node is sealed.
    pub fn forget(&self) {
        let mut seen = self.seen.lock();
        *seen = Revision::default();
        self.current.store(Arc::default());
        self.clients.forget();
    }
}

/// Who was refused is told when to come again, whatever is set.
fn headers(allowance: &Allowance, told: bool) -> BTreeMap<String, String> {
    let seconds = |span: Duration| span.as_millis().div_ceil(1000).to_string();
    let mut headers = BTreeMap::new();
    if !allowance.allowed {
        headers.insert("retry-after".into(), seconds(allowance.retry.max(Duration::from_millis(1))));
    }
    if told {
        headers.insert("x-ratelimit-limit".into(), allowance.limit.to_string());
        headers.insert("x-ratelimit-remaining".into(), allowance.remaining.to_string());
        headers.insert("x-ratelimit-reset".into(), seconds(allowance.reset));
    }
    headers
}

/// Rules follow a mount that moves. Both paths are from the root.
pub fn moved(txn: &mut Txn, from: &str, to: &str) -> Result<(), Access> {
    let txn = &mut txn.elsewhere(leases::root());
    let mut table = QuotaTable::change(txn)?;
    let mut any = false;
    for rule in table.rate_limits.values_mut().filter(|rule| rule.scope.mount == from) {
        (rule.scope.mount, any) = (to.to_owned(), true);
    }
    if any {
        table.write(txn)?;
    }
    LeaseCounts::change(txn)?.moved(txn, from, to)
}

/// Rules go with their mount, whose path is from the root.
pub fn unmounted(txn: &mut Txn, mount: &str) -> Result<(), Access> {
    gone(txn, |of| of.mount == mount)
}

/// Rules go with the namespace that they or their mounts are of.
pub(crate) fn namespace_removed(txn: &mut Txn, path: &str) -> Result<(), Access> {
    gone(txn, |of| of.mount.starts_with(path) || of.namespace.starts_with(path))
}

fn gone(txn: &mut Txn, is_gone: impl Fn(&Scope) -> bool) -> Result<(), Access> {
    let txn = &mut txn.elsewhere(leases::root());
    let mut table = QuotaTable::change(txn)?;
    let before = table.rate_limits.len();
    table.rate_limits.retain(|_, rule| !is_gone(&rule.scope));
    if table.rate_limits.len() < before {
        table.write(txn)?;
    }
    LeaseCounts::change(txn)?.unmounted(txn, is_gone)
}
