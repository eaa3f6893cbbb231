//! Renewing a token.

use std::time::Duration;

use storage::{Access, Millis, Txn};

use super::create::{schedule, unschedule};
use super::{RoleTerms, TokenKey, TokenRecord, Tokens, record_key};
use crate::mount::TtlLimits;

pub enum Renewed {
    Done {
        record: Box<TokenRecord>,
        warnings: Vec<String>,
    },
    NotRenewable,
    /// It is older already than it may become.
    PastItsEnd,
    /// The user's policies are others than the token's.
    PoliciesChanged,
    Unknown,
}

/// What a renewal goes by.
pub enum Terms {
    /// What the token was made with.
    Own,
    /// What its role says now.
    Role(RoleTerms),
    /// What its user has now.
    Login(LoginTerms),
}

/// Of a token of a login.
pub struct LoginTerms {
    pub policies: Vec<String>,
    pub ttl: Duration,
    pub max_ttl: Duration,
    pub period: Duration,
    pub limits: TtlLimits,
}

impl Tokens {
    /// The record of a token that may be renewed.
    pub fn renewable(&self, txn: &mut Txn, now: Millis, key: &TokenKey) -> Result<Option<TokenRecord>, Access> {
        let record = txn.elsewhere(key.records()).get_for_update::<TokenRecord>(&record_key(key))?;
        Ok(record.filter(|record| !record.is_expired(now)))
    }

    /// Prolongs by `increment`, or by what it was given the last time. Never beyond what its limits allow: those of the
    /// token store's mount, or of its login.
    pub fn renew(
        &self,
        txn: &mut Txn,
        now: Millis,
        key: &TokenKey,
        increment: Duration,
        limits: TtlLimits,
        terms: Terms,
    ) -> Result<Renewed, Access> {
        let Some(mut record) = self.renewable(txn, now, key)? else { return Ok(Renewed::Unknown) };
        let (by_role, role) = match terms {
            Terms::Role(role) => (true, role),
            _ => (false, RoleTerms::default()),
        };
        if !record.renewable || record.expires.is_none() {
            return Ok(Renewed::NotRenewable);
        }
        let (period, usual, limit) = match terms {
            Terms::Own => (record.period, record.granted(), limits.max),
            Terms::Role(role) => {
                let period = if role.period.is_zero() { record.period } else { role.period.as_secs() };
                (period, record.granted(), limits.max)
            }
            Terms::Login(terms) => {
                if super::create::normalized(terms.policies) != record.policies {
                    return Ok(Renewed::PoliciesChanged);
                }
                let ttl = if terms.ttl.is_zero() { terms.limits.default } else { terms.ttl };
                let most = [terms.max_ttl, terms.limits.max].into_iter().filter(|span| !span.is_zero()).min();
                (terms.period.as_secs(), ttl, most.unwrap_or(terms.limits.max))
            }
        };
        let mut warnings = Vec::new();
        let asked = match (period, increment.is_zero()) {
            (0, true) => usual,
            (0, false) => increment,
            (period, _) => Duration::from_secs(period),
        };
        let mut until = now.plus(asked);
        if period == 0 {
            until = capped(&mut warnings, asked, limit, until, record.created.plus(limit));
        }
        let most = role.explicit_max_ttl(Duration::from_secs(record.explicit_max_ttl));
        if !most.is_zero() {
            until = capped(&mut warnings, asked, most, until, record.created.plus(most));
        }
        if until <= now && !asked.is_zero() {
            return Ok(Renewed::PastItsEnd);
        }
        unschedule(txn, key, &record);
        record.expires = Some(until);
        record.last_renewal = Some(now);
        if !by_role {
            record.period = period;
        }
        schedule(txn, key, &record)?;
        txn.elsewhere(key.records()).put(&record_key(key), &record)?;
        Ok(Renewed::Done { record: Box::new(record), warnings })
    }
}

fn capped(warnings: &mut Vec<String>, asked: Duration, most: Duration, until: Millis, end: Millis) -> Millis {
    if until > end {
        let text = |span: Duration| sdk::duration::go(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
        warnings.push(format!(
            "TTL of {:?} exceeded the effective max_ttl of {:?}; TTL value is capped accordingly",
            text(asked),
            text(most)
        ));
    }
    until.min(end)
}
