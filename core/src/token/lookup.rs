//! Finding a token and telling whether it counts.

use std::sync::Arc;

use sdk::NamespaceId;
use storage::{Access, Millis, Path, Read, Revision, View};

use super::id::home_of;
use super::{ClientToken, TokenKey, TokenRecord, Tokens, accessor_key, record_key, released_key, uses_key};
use crate::cache::Found;
use crate::mount::origin_key;
use crate::space;

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

/// Why a token does not count. All of them look alike on the wire, but for what is not the token's fault.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("there is no such token")]
    Unknown,
    #[error("the token has expired")]
    Expired,
    #[error("the token's uses are spent")]
    Spent,
    #[error("an ancestor of the token was revoked, or the mount that gave it or its namespace was removed")]
    Orphaned,
    /// Also that the namespace that it belongs to is sealed, which is no fault of the token's.
    #[error(transparent)]
    Access(#[from] Access),
}

impl Tokens {
    /// `view` is anywhere.
    pub fn authenticate(&self, view: &View, token: &ClientToken, now: Millis) -> Result<Valid, Why> {
        let key = self.key_of(token)?;
        if !token.is_batch() {
            return self.valid(view, key, now);
        }
        let record = self.open_batch(token)?.filter(|record| record.home.id == key.home()).ok_or(Why::Unknown)?;
        let mut relied_on = Vec::new();
        self.check_home(view, &key, &mut relied_on)?;
        self.counts(view, key, Arc::new(record), relied_on, now)
    }

    pub fn valid(&self, view: &View, key: TokenKey, now: Millis) -> Result<Valid, Why> {
        let mut relied_on = Vec::new();
        self.check_home(view, &key, &mut relied_on)?;
        let found = self.record(view, &key)?.ok_or(Why::Unknown)?;
        relied_on.push((found.path, Some(found.revision)));
        self.counts(view, key, found.value, relied_on, now)
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
        let (mut child, mut ancestor) = (key.clone(), record.parent.clone());
        for _ in 0..ANCESTORS_MAX {
            let Some(parent) = ancestor else { break };
            let Some(found) = self.record(view, &parent)? else {
                relied_on.push(self.released_from(view, &child, &parent)?.ok_or(Why::Orphaned)?);
                ancestor = None;
                break;
            };
            if found.value.is_expired(now) {
                return Err(Why::Orphaned);
            }
            self.check_origin(view, &parent, &found.value, &mut relied_on)?;
            relied_on.push((found.path, Some(found.revision)));
            (child, ancestor) = (parent, found.value.parent.clone());
        }
        if ancestor.is_some() {
            return Err(Why::Orphaned);
        }
        self.check_origin(view, &key, &record, &mut relied_on)?;
        let uses_left = match record.num_uses {
            0 => None,
            _ => Some(view.elsewhere(key.records()).counter(&uses_key(&key))?.filter(|n| *n > 0).ok_or(Why::Spent)?),
        };
        Ok(Valid { key, record, uses_left, relied_on })
    }

    /// A token ends with the namespace that it belongs to, and cannot be looked at while that is sealed.
    fn check_home(
        &self,
        view: &View,
        key: &TokenKey,
        relied_on: &mut Vec<(Path, Option<Revision>)>,
    ) -> Result<(), Why> {
        let home = key.home();
        if home.is_root() {
            return Ok(());
        }
        match self.namespaces.by_id(view, &home, relied_on)? {
            // Another member may have its keys.
            Some(place) if place.is_sealed() => {
                Err(Access::NamespaceSealed(place.namespace.id.keyring().to_owned()).into())
            }
            Some(_) => Ok(()),
            None => Err(Why::Orphaned),
        }
    }

    /// A token of a login ends with the mount that gave it.
    fn check_origin(
        &self,
        view: &View,
        key: &TokenKey,
        record: &TokenRecord,
        relied_on: &mut Vec<(Path, Option<Revision>)>,
    ) -> Result<(), Why> {
        let Some(origin) = &record.origin else { return Ok(()) };
        let found =
            self.origins.read(&view.elsewhere(key.records()), &origin_key(&origin.mount))?.ok_or(Why::Orphaned)?;
        relied_on.push((found.path, Some(found.revision)));
        Ok(())
    }

    /// The note that a token was let go by its parent, which was revoked alone while this one's namespace was sealed.
    fn released_from(
        &self,
        view: &View,
        key: &TokenKey,
        parent: &TokenKey,
    ) -> Result<Option<(Path, Option<Revision>)>, Access> {
        let (note, records) = (released_key(parent, key), view.elsewhere(parent.records()));
        Ok(records.revision(&note)?.map(|revision| (records.path(&note), Some(revision))))
    }

    /// A token that somebody in a namespace asks about: of that namespace, or of one below. `view` is anywhere.
    pub fn asked_about(&self, view: &View, from: &NamespaceId, token: &ClientToken, now: Millis) -> Result<Valid, Why> {
        if !self.is_known_in(view, from, &self.key_of(token)?)? {
            return Err(Why::Unknown);
        }
        self.authenticate(view, token, now)
    }

    /// The same by its accessor, which says which namespace it belongs to.
    pub fn by_accessor(&self, view: &View, from: &NamespaceId, accessor: &str) -> Result<Option<TokenKey>, Access> {
        let home = home_of(accessor);
        if !self.namespaces.is_within(view, &home, from)? {
            return Ok(None);
        }
        let records = view.elsewhere(space::records(&home));
        let Some(key) = records.get::<String>(&accessor_key(accessor))?.map(TokenKey::from_stored) else {
            return Ok(None);
        };
        Ok(self.is_known_in(view, from, &key)?.then_some(key))
    }

    /// Whether a token, if there is one, belongs to a namespace or to one below.
    pub fn is_known_in(&self, view: &View, from: &NamespaceId, key: &TokenKey) -> Result<bool, Access> {
        self.namespaces.is_within(view, &key.home(), from)
    }

    fn record(&self, view: &View, key: &TokenKey) -> Result<Option<Found<TokenRecord>>, Access> {
        self.cache.read(&view.elsewhere(key.records()), &record_key(key))
    }

    /// Whether the token counts its uses, which only the active node can do. One that is not known here may, and one whose
    /// namespace this node has no keys for.
    pub fn may_count_uses(&self, view: &View, token: &ClientToken) -> Result<bool, Access> {
        if token.is_batch() {
            return Ok(false);
        }
        let key = self.key_of(token)?;
        match self.record(view, &key) {
            Err(Access::NamespaceSealed(_)) => Ok(true),
            found => Ok(found?.is_none_or(|found| found.value.num_uses > 0)),
        }
    }

    pub fn uses_left(&self, view: &View, key: &TokenKey) -> Result<i64, Access> {
        Ok(view.elsewhere(key.records()).counter(&uses_key(key))?.unwrap_or(0))
    }

    /// Of the tokens of one namespace, whose records `read` is at.
    pub fn accessors(&self, read: &impl Read) -> Result<Vec<String>, Access> {
        read.list(&storage::PathKey::kind("accessor"))
    }

    /// Spends one use. The batch that it goes into fails if none is left.
    pub fn spend(txn: &mut storage::Txn, key: &TokenKey) {
        txn.elsewhere(key.records()).add_counter(&uses_key(key), -1, 0);
    }
}
