//! Renewing a token.

use std::time::Duration;

use storage::{Access, Millis, Txn};

use super::create::{schedule, unschedule};
use super::{TokenKey, TokenRecord, Tokens, record_key};

pub enum Renewed {
    Done { record: TokenRecord, warnings: Vec<String> },
    NotRenewable,
    Unknown,
}

impl Tokens {
    /// Prolongs by `increment`, or by what it was given the last time. Never beyond what its limits allow.
    pub fn renew(&self, txn: &mut Txn, now: Millis, key: &TokenKey, increment: Duration) -> Result<Renewed, Access> {
        let Some(mut record) = txn.get_for_update::<TokenRecord>(&record_key(key))? else {
            return Ok(Renewed::Unknown);
        };
        if record.is_expired(now) {
            return Ok(Renewed::Unknown);
        }
        if !record.renewable || record.expires.is_none() {
            return Ok(Renewed::NotRenewable);
        }
        let mut warnings = Vec::new();
        unschedule(txn, key, &record);
        let wanted = match (record.period, increment.is_zero()) {
            (0, true) => record.granted(),
            (0, false) => increment,
            (period, _) => Duration::from_secs(period),
        };
        let mut until = now.plus(wanted);
        if record.period == 0 {
            until = capped(&mut warnings, until, record.created.plus(self.limits.max));
        }
        if record.explicit_max_ttl > 0 {
            let end = record.created.plus(Duration::from_secs(record.explicit_max_ttl));
            until = capped(&mut warnings, until, end);
        }
        record.expires = Some(until);
        record.last_renewal = Some(now);
        schedule(txn, key, &record)?;
        txn.put(&record_key(key), &record)?;
        Ok(Renewed::Done { record, warnings })
    }
}

fn capped(warnings: &mut Vec<String>, until: Millis, end: Millis) -> Millis {
    if until > end {
        warnings.push("TTL exceeded the effective max_ttl; TTL value is capped accordingly".to_owned());
    }
    until.min(end)
}
