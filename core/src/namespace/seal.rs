//! Namespaces with a seal of their own: their records, and those of the namespaces in them, have a keyring that its own
//! shares open.
//!
//! Whether one is sealed stands in its record, so it is sealed on every node at the same revision, whatever keys a node still
//! holds. That it is not sealed does not open it: keys are in the memory of unsealed nodes alone, which get them from each
//! other. After all nodes were down nobody has them, and shares are needed, whatever the record says.

use barrier::{CombineError, SealConfig, Share, TenantKeys, UnsealKey, combine, split};
use sdk::NamespaceId;
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Revision, Seg, Txn, View};

use super::{NamespaceRecord, Namespaces, Refused, above_key, record_key, root};
use crate::space;

/// How the root key of a namespace is kept: in the records of the namespace above.
#[derive(Clone, Serialize, Deserialize)]
pub struct TenantSeal {
    pub config: SealConfig,
    /// The root key, under what the shares make.
    wrapped: Vec<u8>,
    /// The keyring, under the root key.
    pub(crate) keyring: Vec<u8>,
    /// New shares, until as many of them as are needed were given back.
    next: Option<NextShares>,
}

#[derive(Clone, Serialize, Deserialize)]
struct NextShares {
    config: SealConfig,
    wrapped: Vec<u8>,
}

/// Shares to be handed out, once.
pub struct NewShares {
    pub shares: Vec<Share>,
    pub config: SealConfig,
}

fn seal_key(id: &NamespaceId) -> PathKey {
    PathKey::kind("namespace-seal").plain(id.as_str())
}

fn open_folder() -> PathKey {
    PathKey::kind("namespace-open")
}

pub(super) fn open_key(id: &NamespaceId) -> PathKey {
    open_folder().plain(id.as_str())
}

/// Which was opened or sealed last: one look at it tells a node whether it has keys to get, or to forget.
pub(super) fn turned_key() -> PathKey {
    PathKey::kind("namespace-turned")
}

impl TenantSeal {
    /// Shares for a namespace that is being made with these keys.
    pub(super) fn make(id: &NamespaceId, keys: &TenantKeys, config: SealConfig) -> (Self, NewShares) {
        let key = UnsealKey::random();
        let shares = split(&key, &config);
        let wrapped = keys.wrapped(id.keyring(), &key);
        let seal = Self { config: config.clone(), wrapped, keyring: keys.sealed(), next: None };
        (seal, NewShares { shares, config })
    }

    /// What the shares open.
    pub(crate) fn open(&self, id: &NamespaceId, key: &UnsealKey) -> Result<TenantKeys, Refused> {
        TenantKeys::open(id.keyring(), key, &self.wrapped, &self.keyring).map_err(|e| Refused::Invalid(e.to_string()))
    }

    /// The same with another edition of the keyring.
    pub(crate) fn with_keyring(self, keyring: Vec<u8>) -> Self {
        Self { keyring, ..self }
    }

    /// Of the shares that open it: others have another one.
    pub(crate) fn mark(&self) -> [u8; 32] {
        crypto::sha256(&self.wrapped)
    }

    /// What enough of its shares open.
    pub(crate) fn opened_by(&self, id: &NamespaceId, shares: &[Share]) -> Result<TenantKeys, Refused> {
        self.open(id, &combined(shares, &self.config)?)
    }
}

pub(crate) fn combined(shares: &[Share], config: &SealConfig) -> Result<UnsealKey, Refused> {
    let wrong = |error: CombineError| Refused::Invalid(format!("invalid key: {error}"));
    shares.iter().try_for_each(|share| share.check(config)).map_err(wrong)?;
    combine(shares, config).map_err(wrong)
}

impl NamespaceRecord {
    /// Whether it has a seal of its own.
    pub fn is_sealable(&self) -> bool {
        self.sealed.is_some()
    }

    /// By its own seal, as far as that is replicated.
    pub fn is_sealed(&self) -> bool {
        self.sealed == Some(true)
    }
}

impl Namespaces {
    /// Of a namespace that has a seal of its own. `read` is at the records of the one above, as for all of these.
    pub fn seal_of(&self, read: &impl Read, record: &NamespaceRecord) -> Result<TenantSeal, Refused> {
        if !record.is_sealable() {
            return Err(Refused::Invalid("namespace is not sealable".into()));
        }
        let seal = read.get::<TenantSeal>(&seal_key(&record.id))?;
        seal.ok_or_else(|| Access::Broken("how a namespace is sealed is missing".into()).into())
    }

    /// The same, which is going to be written.
    pub(crate) fn seal_for_update(&self, txn: &Txn, record: &NamespaceRecord) -> Result<TenantSeal, Refused> {
        txn.latch(&seal_key(&record.id))?;
        self.seal_of(txn, record)
    }

    pub(crate) fn put_seal(&self, txn: &mut Txn, id: &NamespaceId, seal: &TenantSeal) -> Result<(), Access> {
        txn.put(&seal_key(id), seal)
    }

    /// Whether what lies in it can be read here: its record says that it is open, and its keys are here.
    pub fn is_open(&self, record: &NamespaceRecord) -> bool {
        !record.is_sealed() && self.barrier.holds(record.id.keyring())
    }

    /// Seals a namespace, or says that it is open.
    pub fn set_sealed(&self, txn: &mut Txn, mut record: NamespaceRecord, sealed: bool) -> Result<(), Refused> {
        if !record.is_sealable() {
            return Err(Refused::Invalid("namespace is not sealable".into()));
        }
        record.sealed = Some(sealed);
        txn.put(&record_key(&record.id), &record)?;
        let mut at_root = txn.elsewhere(root());
        match sealed {
            true => at_root.delete(&open_key(&record.id)),
            false => at_root.put(&open_key(&record.id), &true)?,
        }
        Ok(at_root.put(&turned_key(), &record.id)?)
    }

    /// When one was opened or sealed last. `view` is at the root's records.
    pub(crate) fn last_turn(&self, view: &View) -> Result<Option<Revision>, Access> {
        view.revision(&turned_key())
    }

    /// Which that was.
    pub(crate) fn turned(&self, view: &View) -> Result<Option<NamespaceId>, Access> {
        view.get(&turned_key())
    }

    /// Makes new shares, for those who have enough of the present ones. They count once they have been given back.
    pub fn rekey(
        &self,
        txn: &mut Txn,
        record: &NamespaceRecord,
        shares: &[Share],
        config: SealConfig,
    ) -> Result<NewShares, Refused> {
        txn.latch(&seal_key(&record.id))?;
        let seal = self.seal_of(txn, record)?;
        let keys = seal.opened_by(&record.id, shares)?;
        let key = UnsealKey::random();
        let shares = split(&key, &config);
        let next = NextShares { config: config.clone(), wrapped: keys.wrapped(record.id.keyring(), &key) };
        self.put_seal(txn, &record.id, &TenantSeal { next: Some(next), ..seal })?;
        Ok(NewShares { shares, config })
    }

    /// The new shares count from now on, and the former ones no more.
    pub fn verify_rekey(&self, txn: &mut Txn, record: &NamespaceRecord, shares: &[Share]) -> Result<(), Refused> {
        txn.latch(&seal_key(&record.id))?;
        let seal = self.seal_of(txn, record)?;
        let Some(NextShares { config, wrapped }) = seal.next.clone() else {
            return Err(Refused::Invalid("there are no new shares to verify: make them by rekey".into()));
        };
        let next = TenantSeal { config, wrapped, keyring: seal.keyring, next: None };
        next.opened_by(&record.id, shares)?;
        Ok(self.put_seal(txn, &record.id, &next)?)
    }

    /// Those that are open by their records, some behind another. `read` is at the root's records.
    pub(crate) fn open_ones(
        &self,
        read: &impl Read,
        after: Option<&NamespaceId>,
        limit: usize,
    ) -> Result<Vec<NamespaceId>, Access> {
        let after = after.map(open_key);
        let keys = read.range(&open_folder(), after.as_ref(), limit)?;
        let id = |key: &PathKey| match key.segs().last()? {
            Seg::Plain(bytes) => NamespaceId::parse(std::str::from_utf8(bytes).ok()?),
            Seg::Name(_) => None,
        };
        Ok(keys.iter().filter_map(id).collect())
    }

    pub(super) fn forget_seal(txn: &mut Txn, id: &NamespaceId) {
        txn.delete(&seal_key(id));
        Self::forget_service(txn, id);
    }

    pub(super) fn forget_open(at_root: &mut Txn, id: &NamespaceId) {
        at_root.delete(&open_key(id));
    }
}

/// The namespace that one lies right in. `view` is anywhere.
pub(crate) fn above(view: &View, id: &NamespaceId) -> Result<Option<NamespaceId>, Access> {
    view.elsewhere(root()).get(&above_key(id))
}

/// The keyring of one that has brought one. `view` is anywhere.
pub(crate) fn stored_keyring(view: &View, id: &NamespaceId) -> Result<Option<Vec<u8>>, Access> {
    let Some(above) = above(view, id)? else { return Ok(None) };
    Ok(view.elsewhere(space::records(&above)).get::<TenantSeal>(&seal_key(id))?.map(|seal| seal.keyring))
}

/// A seal of its own, for tests of what takes its shares.
#[cfg(test)]
pub(crate) fn under_test_seal(id: &NamespaceId, config: &SealConfig, now: storage::Millis) -> TenantSeal {
    TenantSeal::make(id, &TenantKeys::generate(now), config.clone()).0
}
