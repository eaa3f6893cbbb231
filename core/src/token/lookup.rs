//! Finding a token and telling whether it counts.

use std::sync::Arc;

use storage::{Access, Millis, Path, Read, Revision, View};

use super::{ClientToken, TokenKey, TokenRecord, Tokens, accessor_key, record_key, uses_key};
use crate::mount::origin_key;

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
    #[error("an ancestor of the token was revoked, or the mount that gave it was removed")]
    Orphaned,
    #[error(transparent)]
    Access(#[from] Access),
}

impl Tokens {
    /// `view` is at the namespace's records.
    pub fn authenticate(&self, view: &View, token: &ClientToken, now: Millis) -> Result<Valid, Why> {
        let key = self.key_of(token)?;
        if !token.is_batch() {
            return self.valid(view, key, now);
        }
        let record = self.open_batch(token)?.ok_or(Why::Unknown)?;
        self.counts(view, key, Arc::new(record), Vec::new(), now)
    }

    pub fn valid(&self, view: &View, key: TokenKey, now: Millis) -> Result<Valid, Why> {
        let found = self.cache.read(view, &record_key(&key))?.ok_or(Why::Unknown)?;
        self.counts(view, key, found.value, vec![(found.path, Some(found.revision))], now)
    }

    fn counts(
        &self,
        view: &View,
        key: TokenKey,
        record: Arc<TokenRecord>,
        mut relied_on: Vec<(Path, Option<Revision>)>,
        now: Millis,
    ) -> Result<Valid, Why> {
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
            self.check_origin(view, &found.value, &mut relied_on)?;
            relied_on.push((found.path, Some(found.revision)));
            ancestor = found.value.parent.clone();
        }
        if ancestor.is_some() {
            return Err(Why::Orphaned);
        }
        self.check_origin(view, &record, &mut relied_on)?;
        let uses_left = match record.num_uses {
            0 => None,
            _ => Some(view.counter(&uses_key(&key))?.filter(|n| *n > 0).ok_or(Why::Spent)?),
        };
        Ok(Valid { key, record, uses_left, relied_on })
    }

    /// A token of a login ends with the mount that gave it.
    fn check_origin(
        &self,
        view: &View,
        record: &TokenRecord,
        relied_on: &mut Vec<(Path, Option<Revision>)>,
    ) -> Result<(), Why> {
        let Some(origin) = &record.origin else { return Ok(()) };
        let found = self.origins.read(view, &origin_key(&origin.mount))?.ok_or(Why::Orphaned)?;
        relied_on.push((found.path, Some(found.revision)));
        Ok(())
    }

    pub fn by_accessor(&self, read: &impl Read, accessor: &str) -> Result<Option<TokenKey>, Access> {
        Ok(read.get::<String>(&accessor_key(accessor))?.map(TokenKey::from_stored))
    }

    /// Whether the token counts its uses, which only the active node can do. One that is not known here may.
    pub fn may_count_uses(&self, view: &View, token: &ClientToken) -> Result<bool, Access> {
        if token.is_batch() {
            return Ok(false);
        }
        let key = self.key_of(token)?;
        Ok(self.cache.read(view, &record_key(&key))?.is_none_or(|found| found.value.num_uses > 0))
    }

    pub fn uses_left(&self, read: &impl Read, key: &TokenKey) -> Result<i64, Access> {
        Ok(read.counter(&uses_key(key))?.unwrap_or(0))
    }

    pub fn accessors(&self, read: &impl Read) -> Result<Vec<String>, Access> {
        read.list(&storage::PathKey::kind("accessor"))
    }

    /// Spends one use. The batch that it goes into fails if none is left.
    pub fn spend(txn: &mut storage::Txn, key: &TokenKey) {
        txn.add_counter(&uses_key(key), -1, 0);
    }
}
