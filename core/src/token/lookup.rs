//! Finding a token and telling whether it counts.

use std::sync::Arc;

use storage::{Access, Millis, Path, Read, Revision, View};

use super::{ClientToken, TokenKey, TokenRecord, Tokens, accessor_key, record_key, uses_key};

/// How many ancestors a token may have. Making a deeper one is refused.
pub const ANCESTORS_MAX: usize = 32;

/// A token that counts, and what that was concluded from.
pub struct Valid {
    pub key: TokenKey,
    pub record: Arc<TokenRecord>,
    /// What is left of a use limit, this request not counted.
    pub uses_left: Option<i64>,
    pub relied_on: Vec<(Path, Option<Revision>)>,
}

/// Why a token does not count. All of them look alike on the wire.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("there is no such token")]
    Unknown,
    #[error("the token has expired")]
    Expired,
    #[error("the token's uses are spent")]
    Spent,
    #[error("an ancestor of the token was revoked")]
    Orphaned,
    #[error(transparent)]
    Access(#[from] Access),
}

impl Tokens {
    /// `view` is at the namespace's records.
    pub fn authenticate(&self, view: &View, token: &ClientToken, now: Millis) -> Result<Valid, Why> {
        self.valid(view, self.key_of(token)?, now)
    }

    pub fn valid(&self, view: &View, key: TokenKey, now: Millis) -> Result<Valid, Why> {
        let found = self.cache.read(view, &record_key(&key))?.ok_or(Why::Unknown)?;
        let record = found.value;
        let mut relied_on = vec![(found.path, Some(found.revision))];
        if record.is_expired(now) {
            return Err(Why::Expired);
        }
        let mut ancestor = record.parent.clone();
        for _ in 0..ANCESTORS_MAX {
            let Some(parent) = ancestor else { break };
            let found = self.cache.read(view, &record_key(&parent))?.ok_or(Why::Orphaned)?;
            if found.value.is_expired(now) {
                return Err(Why::Orphaned);
            }
            relied_on.push((found.path, Some(found.revision)));
            ancestor = found.value.parent.clone();
        }
        if ancestor.is_some() {
            return Err(Why::Orphaned);
        }
        let uses_left = match record.num_uses {
            0 => None,
            _ => Some(view.counter(&uses_key(&key))?.filter(|n| *n > 0).ok_or(Why::Spent)?),
        };
        Ok(Valid { key, record, uses_left, relied_on })
    }

    pub fn by_accessor(&self, read: &impl Read, accessor: &str) -> Result<Option<TokenKey>, Access> {
        Ok(read.get::<String>(&accessor_key(accessor))?.map(TokenKey::from_stored))
    }

    /// A token's record, whether or not it counts.
    pub fn record(&self, view: &View, token: &ClientToken) -> Result<Option<Arc<TokenRecord>>, Access> {
        let key = self.key_of(token)?;
        Ok(self.cache.read(view, &record_key(&key))?.map(|found| found.value))
    }

    pub fn uses_left(&self, read: &impl Read, key: &TokenKey) -> Result<i64, Access> {
        Ok(read.counter(&uses_key(key))?.unwrap_or(0))
    }

    pub fn accessors(&self, read: &impl Read) -> Result<Vec<String>, Access> {
        let children = read.children(&storage::PathKey::kind("accessor"))?;
        Ok(children.iter().map(|c| String::from_utf8_lossy(&c.name).into_owned()).collect())
    }

    /// Spends one use. The batch that it goes into fails if none is left.
    pub fn spend(txn: &mut storage::Txn, key: &TokenKey) {
        txn.add_counter(&uses_key(key), -1, 0);
    }
}
