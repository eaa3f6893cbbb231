//! Making a token.

use std::collections::BTreeMap;
use std::time::Duration;

use sdk::{Cidr, Namespace};
use storage::{Access, Millis, PathKey, Read, Txn};

use super::id::with_home;
use super::lookup::ANCESTORS_MAX;
use super::{
    ClientToken, Origin, Purpose, TokenKey, TokenKind, TokenRecord, Tokens, accessor_key, children_key, record_key,
    uses_key,
};
use crate::due::{self, Due};
use crate::mount::TtlLimits;
use crate::{letters, quota};

/// What a token is to be. Who may ask for what is the endpoint's business.
#[derive(Default)]
pub struct NewToken {
    /// Chosen by a caller who may; otherwise random.
    pub id: Option<ClientToken>,
    pub kind: TokenKind,
    pub policies: Vec<String>,
    /// The namespace that it is to belong to.
    pub home: Namespace,
    /// In that namespace.
    pub path: String,
    pub display_name: String,
    pub meta: Option<BTreeMap<String, String>>,
    /// Zero takes the default of `limits`; root tokens then never expire.
    pub ttl: Duration,
    /// How long renewals may prolong it; zero leaves it to `limits`.
    pub max_ttl: Duration,
    pub explicit_max_ttl: Duration,
    pub period: Duration,
    /// What its role says besides: asked anew at each renewal, so not written down with the token.
    pub role_terms: RoleTerms,
    /// Of the mount that gives it; the server's own if there is none.
    pub limits: Option<TtlLimits>,
    pub renewable: bool,
    pub num_uses: i64,
    pub parent: Option<TokenKey>,
    pub entity_id: String,
    /// When who is to have it logged in, if they did.
    pub logged_in: Option<Millis>,
    pub bound_cidrs: Vec<Cidr>,
    pub origin: Option<Origin>,
    pub role: Option<String>,
    pub purpose: Option<Purpose>,
    /// Whether a zero ttl means "never".
    pub never_expires: bool,
    pub initial_root: bool,
}

/// What a role says of how long its tokens live. Zero says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleTerms {
    pub explicit_max_ttl: Duration,
    pub period: Duration,
}

impl RoleTerms {
    /// The shorter of the role's and the token's own, if there is one.
    pub(super) fn explicit_max_ttl(self, own: Duration) -> Duration {
        shorter(self.explicit_max_ttl, own)
    }
}

/// Of what is said; zero if nothing is.
fn shorter(a: Duration, b: Duration) -> Duration {
    [a, b].into_iter().filter(|span| !span.is_zero()).min().unwrap_or_default()
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    #[error("cannot create a token with a duplicate ID")]
    Taken,
    #[error("token IDs can only be manually specified in the root namespace")]
    Elsewhere,
    #[error("a token may have at most {ANCESTORS_MAX} ancestors; make it from an older one, or as an orphan")]
    TooDeep,
    #[error(transparent)]
    Access(#[from] Access),
}

/// A token just made: the only time its id is known here.
pub struct Created {
    pub token: ClientToken,
    pub record: TokenRecord,
    pub warnings: Vec<String>,
}

impl Tokens {
    /// `txn` is anywhere.
    pub fn create(&self, txn: &mut Txn, now: Millis, new: NewToken) -> Result<Created, NotCreated> {
        let chosen = match (new.kind, &new.id) {
            (TokenKind::Service, Some(id)) => id.clone(),
            _ => ClientToken::random(&new.home.id),
        };
        let key = self.key_of(&chosen)?;
        if key.home() != new.home.id {
            return Err(NotCreated::Elsewhere);
        }
        if txn.elsewhere(key.records()).get_for_update::<TokenRecord>(&record_key(&key))?.is_some() {
            return Err(NotCreated::Taken);
        }
        check_depth(txn, new.parent.as_ref())?;
        let mut warnings = Vec::new();
        let expires = self.lifetime(&mut warnings, &new).map(|ttl| (ttl, now.plus(ttl)));
        let service = new.kind == TokenKind::Service;
        let lease =
            expires.filter(|_| service).map(|_| format!("{}/h{}", new.path.trim_end_matches('/'), key.as_str()));
        let accessor = || with_home(letters::random(24), &new.home.id);
        let mut record = TokenRecord {
            kind: new.kind,
            accessor: if service { accessor() } else { String::new() },
            policies: normalized(new.policies),
            path: new.path,
            display_name: new.display_name,
            meta: new.meta.filter(|m| !m.is_empty()),
            created: now,
            creation_ttl: expires.map_or(0, |(ttl, _)| ttl.as_secs()),
            explicit_max_ttl: new.explicit_max_ttl.as_secs(),
            period: new.period.as_secs(),
            renewable: new.renewable && expires.is_some() && service,
            num_uses: new.num_uses,
            parent: new.parent,
            entity_id: new.entity_id,
            logged_in: new.logged_in,
            expires: expires.map(|(_, at)| at),
            last_renewal: None,
            lease,
            bound_cidrs: new.bound_cidrs,
            origin: new.origin,
            role: new.role,
            purpose: new.purpose,
            counted_by: None,
            home: new.home,
            initial_root: new.initial_root,
        };
        let token = match record.kind {
            TokenKind::Batch => self.seal_batch(&record)?,
            TokenKind::Service => {
                if record.lease.is_some() {
                    record.counted_by = quota::leases::charge(txn, &record.home, &record.path)?;
                }
                store(txn, &key, &record)?;
                chosen
            }
        };
        Ok(Created { token, record, warnings })
    }

    fn lifetime(&self, warnings: &mut Vec<String>, new: &NewToken) -> Option<Duration> {
        let period = shorter(new.role_terms.period, new.period);
        let explicit_max_ttl = new.role_terms.explicit_max_ttl(new.explicit_max_ttl);
        if new.never_expires && new.ttl.is_zero() && period.is_zero() && explicit_max_ttl.is_zero() {
            return None;
        }
        let limits = new.limits.unwrap_or(self.limits);
        let (what, life, most) = match (period.is_zero(), new.ttl.is_zero()) {
            (false, _) => ("period", period, Duration::ZERO),
            (true, false) => ("TTL", new.ttl, new.max_ttl),
            (true, true) => ("TTL", limits.default, new.max_ttl),
        };
        let given = [limits.max, most, explicit_max_ttl].into_iter().filter(|span| !span.is_zero());
        let limit = given.min().unwrap_or(limits.max);
        if life <= limit {
            return Some(life);
        }
        let text = |span: Duration| sdk::duration::go(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
        // Where nobody asks for a time, it is only those who log in that are told of their method's shorter one.
        if !(new.ttl.is_zero() && period.is_zero()) || new.origin.is_some() {
            warnings.push(format!(
                "{what} of {:?} exceeded the effective max_ttl of {:?}; {what} value is capped accordingly",
                text(life),
                text(limit)
            ));
        }
        Some(limit)
    }
}

fn store(txn: &mut Txn, key: &TokenKey, record: &TokenRecord) -> Result<(), Access> {
    let mut records = txn.elsewhere(key.records());
    records.put(&record_key(key), record)?;
    records.put(&accessor_key(&record.accessor), key.as_str())?;
    if record.num_uses > 0 {
        records.set_counter(&uses_key(key), record.num_uses);
    }
    if let Some(parent) = &record.parent {
        txn.elsewhere(parent.records()).put(&children_key(parent).plain(key.as_str()), &())?;
    }
    schedule(txn, key, record)
}

/// Counts the ancestors that the token would have.
fn check_depth(txn: &mut Txn, parent: Option<&TokenKey>) -> Result<(), NotCreated> {
    let mut ancestor = parent.cloned();
    for _ in 0..ANCESTORS_MAX {
        let Some(key) = ancestor else { return Ok(()) };
        ancestor = txn.elsewhere(key.records()).get::<TokenRecord>(&record_key(&key))?.and_then(|record| record.parent);
    }
    if ancestor.is_some() { Err(NotCreated::TooDeep) } else { Ok(()) }
}

/// Writes the lease of a token that expires, and its place in the order of what is due.
pub(super) fn schedule(txn: &mut Txn, key: &TokenKey, record: &TokenRecord) -> Result<(), Access> {
    let (Some(lease), Some(at)) = (&record.lease, record.expires) else { return Ok(()) };
    txn.elsewhere(key.records()).put(&lease_key(lease), key.as_str())?;
    due::schedule(txn, &key.home(), at, &Due::Token(key.clone()))
}

pub(super) fn unschedule(txn: &mut Txn, key: &TokenKey, record: &TokenRecord) {
    let (Some(lease), Some(at)) = (&record.lease, record.expires) else { return };
    txn.elsewhere(key.records()).delete(&lease_key(lease));
    due::unschedule(txn, &key.home(), at, &Due::Token(key.clone()));
}

pub(super) fn lease_key(id: &str) -> PathKey {
    PathKey::kind("lease").names(id)
}

pub(super) fn normalized(policies: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = policies.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    out.sort();
    out.dedup();
    out
}
