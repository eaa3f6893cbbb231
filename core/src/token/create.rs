//! Making a token.

use std::collections::BTreeMap;
use std::time::Duration;

use storage::{Access, Millis, PathKey, Read, Txn};

use super::id::random_letters;
use super::lookup::ANCESTORS_MAX;
use super::{ClientToken, TokenKey, TokenRecord, Tokens, accessor_key, children_key, record_key, uses_key};

/// What a token is to be. Who may ask for what is the endpoint's business.
pub struct NewToken {
    /// Chosen by a caller who may; otherwise random.
    pub id: Option<ClientToken>,
    pub policies: Vec<String>,
    pub path: String,
    pub display_name: String,
    pub meta: Option<BTreeMap<String, String>>,
    /// Zero takes the server's default; root tokens then never expire.
    pub ttl: Duration,
    pub explicit_max_ttl: Duration,
    pub period: Duration,
    pub renewable: bool,
    pub num_uses: i64,
    pub parent: Option<TokenKey>,
    pub entity_id: String,
    /// Whether a zero ttl means "never".
    pub never_expires: bool,
    pub initial_root: bool,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    #[error("cannot create a token with a duplicate ID")]
    Taken,
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
    /// `txn` is at the namespace's records.
    pub fn create(&self, txn: &mut Txn, now: Millis, new: NewToken) -> Result<Created, NotCreated> {
        let token = new.id.unwrap_or_else(ClientToken::random);
        let key = self.key_of(&token)?;
        if txn.get_for_update::<TokenRecord>(&record_key(&key))?.is_some() {
            return Err(NotCreated::Taken);
        }
        check_depth(txn, new.parent.as_ref())?;
        let mut warnings = Vec::new();
        let ttl = self.lifetime(&mut warnings, new.ttl, new.explicit_max_ttl, new.period, new.never_expires);
        let expires = ttl.map(|ttl| now.plus(ttl));
        let lease = expires.map(|_| format!("{}/h{}", new.path.trim_end_matches('/'), key.as_str()));
        let record = TokenRecord {
            accessor: random_letters(),
            policies: normalized(new.policies),
            path: new.path,
            display_name: new.display_name,
            meta: new.meta.filter(|m| !m.is_empty()),
            created: now,
            creation_ttl: ttl.map_or(0, |t| t.as_secs()),
            explicit_max_ttl: new.explicit_max_ttl.as_secs(),
            period: new.period.as_secs(),
            renewable: new.renewable && expires.is_some(),
            num_uses: new.num_uses,
            parent: new.parent,
            entity_id: new.entity_id,
            expires,
            last_renewal: None,
            lease,
            initial_root: new.initial_root,
        };
        txn.put(&record_key(&key), &record)?;
        txn.put(&accessor_key(&record.accessor), key.as_str())?;
        if let Some(parent) = &record.parent {
            txn.put(&children_key(parent).plain(key.as_str()), &())?;
        }
        if record.num_uses > 0 {
            txn.set_counter(&uses_key(&key), record.num_uses);
        }
        schedule(txn, &key, &record)?;
        Ok(Created { token, record, warnings })
    }

    fn lifetime(
        &self,
        warnings: &mut Vec<String>,
        ttl: Duration,
        explicit_max: Duration,
        period: Duration,
        never_expires: bool,
    ) -> Option<Duration> {
        if never_expires && ttl.is_zero() && period.is_zero() && explicit_max.is_zero() {
            return None;
        }
        let (what, mut life) = match (period.is_zero(), ttl.is_zero()) {
            (false, _) => ("period", period),
            (true, false) => ("TTL", ttl),
            (true, true) => ("TTL", self.limits.default),
        };
        let limit = if explicit_max.is_zero() { self.limits.max } else { self.limits.max.min(explicit_max) };
        if life > limit {
            let text = |span: Duration| sdk::duration::go(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
            warnings.push(format!(
                "{what} of {:?} exceeded the effective max_ttl of {:?}; {what} value is capped accordingly",
                text(life),
                text(limit)
            ));
            life = limit;
        }
        Some(life)
    }
}

/// Counts the ancestors that the token would have.
fn check_depth(txn: &Txn, parent: Option<&TokenKey>) -> Result<(), NotCreated> {
    let mut ancestor = parent.cloned();
    for _ in 0..ANCESTORS_MAX {
        let Some(key) = ancestor else { return Ok(()) };
        ancestor = txn.get::<TokenRecord>(&record_key(&key))?.and_then(|record| record.parent);
    }
    if ancestor.is_some() { Err(NotCreated::TooDeep) } else { Ok(()) }
}

/// Writes the lease of a token that expires, and its place in the order of what is due.
pub(super) fn schedule(txn: &mut Txn, key: &TokenKey, record: &TokenRecord) -> Result<(), Access> {
    let (Some(lease), Some(at)) = (&record.lease, record.expires) else { return Ok(()) };
    txn.put(&lease_key(lease), key.as_str())?;
    txn.put(&due_key(at, key), lease)?;
    Ok(())
}

pub(super) fn unschedule(txn: &mut Txn, key: &TokenKey, record: &TokenRecord) {
    let (Some(lease), Some(at)) = (&record.lease, record.expires) else { return };
    txn.delete(&lease_key(lease));
    txn.delete(&due_key(at, key));
}

fn lease_key(id: &str) -> PathKey {
    PathKey::kind("lease").names(id)
}

fn due_key(at: Millis, key: &TokenKey) -> PathKey {
    PathKey::kind("due").number(at.0).plain(key.as_str())
}

fn normalized(policies: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = policies.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    out.sort();
    out.dedup();
    out
}
