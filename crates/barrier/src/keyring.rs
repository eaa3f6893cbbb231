//! The keyring: data keys by term, the seed of every key that does not rotate, and the join key.
//!
//! Changing it makes a new edition; of two editions the higher one counts. It lives sealed under the root key as one
//! record of the store. It does not encrypt anything itself: [`Barrier`](crate::Barrier) does, with ciphers made from it.

use std::collections::BTreeMap;

use crypto::{Aead, Key32, LockedKey};
use storage::Millis;
use zeroize::Zeroizing;

use crate::{JoinKey, JoinKeyOf, RootKey};

/// Rotating more often than this is refused: the sealed keyring has to fit into one log entry.
pub const TERMS_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("the keyring does not open: another root key sealed it, or it is damaged")]
    DoesNotOpen,
    #[error("the keyring has format {0}, which this version does not know: it was written by a newer one")]
    UnknownFormat(u8),
    #[error("the keyring is damaged: {0}")]
    Corrupt(&'static str),
    #[error("the keyring already has {TERMS_MAX} data keys and cannot be rotated again")]
    TooManyTerms,
}

pub struct Keyring {
    edition: u64,
    seed: LockedKey,
    join: JoinKey,
    active: u32,
    terms: BTreeMap<u32, DataKey>,
}

pub(crate) struct DataKey {
    pub(crate) installed: Millis,
    pub(crate) key: LockedKey,
}

/// What may be told about a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermInfo {
    pub term: u32,
    pub installed: Millis,
    /// Values this node has encrypted under it since it was unsealed.
    pub encryptions: u64,
}

impl Keyring {
    /// A fresh keyring with one data key, term 1.
    pub fn generate(now: Millis, join: JoinKey) -> Self {
        let first = DataKey { installed: now, key: LockedKey::random() };
        Self { edition: 1, seed: LockedKey::random(), join, active: 1, terms: BTreeMap::from([(1, first)]) }
    }

    /// Adds a data key and makes it the active one. The older ones stay, to read what they wrote.
    pub fn rotate(&mut self, now: Millis) -> Result<u32, KeyringError> {
        if self.terms.len() >= TERMS_MAX {
            return Err(KeyringError::TooManyTerms);
        }
        let last = self.terms.keys().next_back().copied().unwrap_or(0);
        let term = last.checked_add(1).ok_or(KeyringError::TooManyTerms)?;
        self.terms.insert(term, DataKey { installed: now, key: LockedKey::random() });
        self.active = term;
        self.edition += 1;
        Ok(term)
    }

    /// New shares make a new unseal key, and with it a new proof of possessing it.
    pub fn set_join_key(&mut self, join: JoinKey) {
        self.join = join;
        self.edition += 1;
    }

    /// Comes after `current`: a higher edition, with the data keys of that one whose terms are free here.
    pub(crate) fn succeed(&mut self, current: Keyring, join: JoinKeyOf) {
        self.edition = self.edition.max(current.edition).saturating_add(1);
        if join == JoinKeyOf::Cluster {
            self.join = current.join;
        }
        for (term, key) in current.terms {
            if self.terms.len() < TERMS_MAX {
                self.terms.entry(term).or_insert(key);
            }
        }
        self.active = self.terms.keys().next_back().copied().unwrap_or(self.active);
    }

    /// Whether `other` has everything that this one can open.
    pub(crate) fn is_part_of(&self, other: &Keyring) -> bool {
        let has = |(term, data): (&u32, &DataKey)| {
            other.terms.get(term).is_some_and(|known| crypto::ct_eq(known.key.expose(), data.key.expose()))
        };
        self.is_kin_of(other) && self.terms.iter().all(has)
    }

    pub fn active_term(&self) -> u32 {
        self.active
    }

    pub fn edition(&self) -> u64 {
        self.edition
    }

    pub fn seal_with(&self, root: &RootKey) -> Vec<u8> {
        let mut out = vec![FORMAT];
        Aead::locked(root.locked()).seal_into(&mut out, AAD, &self.encode());
        out
    }

    pub fn open_with(root: &RootKey, sealed: &[u8]) -> Result<Self, KeyringError> {
        let (format, sealed) = sealed.split_first().ok_or(KeyringError::Corrupt("it is empty"))?;
        if *format != FORMAT {
            return Err(KeyringError::UnknownFormat(*format));
        }
        let plain = Aead::locked(root.locked()).open(AAD, sealed).map_err(|_| KeyringError::DoesNotOpen)?;
        Self::decode(&plain)
    }

    pub(crate) fn join_key(&self) -> &JoinKey {
        &self.join
    }

    pub(crate) fn terms(&self) -> &BTreeMap<u32, DataKey> {
        &self.terms
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.seed.is_locked() && self.terms.values().all(|t| t.key.is_locked())
    }

    /// One of the keys that do not rotate.
    pub(crate) fn derive(&self, label: &str) -> Key32 {
        crypto::derive_key(self.seed.expose(), label)
    }

    /// Whether two editions are of one keyring: the seed never changes.
    pub(crate) fn is_kin_of(&self, other: &Keyring) -> bool {
        crypto::ct_eq(self.seed.expose(), other.seed.expose())
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        // All the room at once: growing later would leave key bytes behind in the old allocation.
        let mut out = Zeroizing::new(Vec::with_capacity(HEADER_LEN + self.terms.len() * TERM_LEN));
        out.extend_from_slice(&self.edition.to_be_bytes());
        out.extend_from_slice(self.seed.expose());
        out.extend_from_slice(self.join.expose());
        out.extend_from_slice(&self.active.to_be_bytes());
        for (term, data) in &self.terms {
            out.extend_from_slice(&term.to_be_bytes());
            out.extend_from_slice(&data.installed.0.to_be_bytes());
            out.extend_from_slice(data.key.expose());
        }
        out
    }

    fn decode(plain: &[u8]) -> Result<Self, KeyringError> {
        let short = KeyringError::Corrupt("it ends too early");
        let mut rest = plain;
        let edition = u64::from_be_bytes(take(&mut rest).ok_or(short.clone())?);
        let seed = take_key(&mut rest).ok_or(short.clone())?;
        let join = take_key(&mut rest).ok_or(short.clone())?;
        let active = u32::from_be_bytes(take(&mut rest).ok_or(short.clone())?);
        if rest.len() / TERM_LEN > TERMS_MAX {
            return Err(KeyringError::Corrupt("it has too many data keys"));
        }
        let mut terms = BTreeMap::new();
        while !rest.is_empty() {
            let term = u32::from_be_bytes(take(&mut rest).ok_or(short.clone())?);
            let installed = Millis(u64::from_be_bytes(take(&mut rest).ok_or(short.clone())?));
            let key = LockedKey::from_key(take_key(&mut rest).ok_or(short.clone())?);
            if terms.insert(term, DataKey { installed, key }).is_some() {
                return Err(KeyringError::Corrupt("a term occurs twice"));
            }
        }
        if !terms.contains_key(&active) {
            return Err(KeyringError::Corrupt("the active data key is missing"));
        }
        Ok(Self { edition, seed: LockedKey::from_key(seed), join: JoinKey::from_key(join), active, terms })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// Copies straight into the key's own memory.
fn take_key(rest: &mut &[u8]) -> Option<Key32> {
    let (head, tail) = rest.split_at_checked(32)?;
    *rest = tail;
    Key32::from_slice(head).ok()
}

const FORMAT: u8 = 1;
/// The format again, so that a byte changed outside is noticed inside.
const AAD: &[u8] = b"holdfast keyring\x01";
const HEADER_LEN: usize = 8 + 32 + 32 + 4;
const TERM_LEN: usize = 4 + 8 + 32;

#[cfg(test)]
mod tests;
