//! The unsealed state: ciphers made from one edition of the keyring, and what they do. It never changes once made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crypto::{Aead, Hmac, Key32, LockedKey, Siv};
use storage::SealError;
use zeroize::Zeroizing;

use crate::{Keyring, RootKey, TermInfo};

pub(crate) struct Unsealed {
    pub(crate) root: Arc<RootKey>,
    pub(crate) keyring: Keyring,
    active: u32,
    terms: BTreeMap<u32, Term>,
    pub(crate) names: Siv,
    pub(crate) audit: Hmac,
    pub(crate) tokens: Hmac,
    pub(crate) envelopes: Hmac,
    pub(crate) challenges: Hmac,
}

struct Term {
    cipher: Aead,
    /// Shared with the editions before and after, so that a new one does not forget.
    encryptions: Arc<AtomicU64>,
}

impl Unsealed {
    pub(crate) fn new(root: Arc<RootKey>, keyring: Keyring, before: Option<&Unsealed>) -> Self {
        let counter = |term: &u32| before.and_then(|b| b.terms.get(term)).map(|t| Arc::clone(&t.encryptions));
        let terms = keyring.terms().iter().map(|(term, data)| {
            let cipher = Aead::locked(&data.key);
            (*term, Term { cipher, encryptions: counter(term).unwrap_or_default() })
        });
        Self {
            active: keyring.active_term(),
            terms: terms.collect(),
            names: Siv::new(&keyring.derive("holdfast name key")),
            audit: locked_hmac(keyring.derive("holdfast audit key")),
            tokens: locked_hmac(keyring.derive("holdfast token id key")),
            envelopes: locked_hmac(keyring.derive("holdfast envelope key")),
            challenges: locked_hmac(keyring.derive("holdfast join challenge key")),
            root,
            keyring,
        }
    }

    pub(crate) fn seal_value(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        // Keyring::decode and Keyring::generate both make sure of it.
        let term = self.terms.get(&self.active).expect("invariant: the active term is in the keyring");
        term.encryptions.fetch_add(1, Ordering::Relaxed);
        let mut out = Vec::with_capacity(VALUE_HEADER_LEN + value.len() + Aead::OVERHEAD);
        out.push(VALUE_FORMAT);
        out.extend_from_slice(&self.active.to_be_bytes());
        let aad = [&out, key].concat();
        term.cipher.seal_into(&mut out, &aad, value);
        out
    }

    pub(crate) fn open_value(&self, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let corrupt = |why: &str| SealError::Corrupt(why.to_owned());
        let (header, body) =
            sealed.split_first_chunk::<VALUE_HEADER_LEN>().ok_or_else(|| corrupt("it is shorter than its header"))?;
        let [format, term @ ..] = *header;
        if format != VALUE_FORMAT {
            return Err(SealError::Corrupt(format!("it has format {format}, which this version does not know")));
        }
        let term = u32::from_be_bytes(term);
        let Some(known) = self.terms.get(&term) else {
            return Err(SealError::UnknownTerm(term));
        };
        let aad = [header.as_slice(), key].concat();
        known.cipher.open(&aad, body).map_err(|_| corrupt("it was altered, or belongs under another key"))
    }

    pub(crate) fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let opened = self.names.open(before, sealed);
        opened.map_err(|_| SealError::Corrupt("a name was altered, or belongs into another folder".to_owned()))
    }

    /// The active term, and how often this node has encrypted under it since it was unsealed.
    pub(crate) fn encryptions(&self) -> (u32, u64) {
        (self.active, self.terms.get(&self.active).map_or(0, |term| term.encryptions.load(Ordering::Relaxed)))
    }

    pub(crate) fn term_infos(&self) -> Vec<TermInfo> {
        let info = |(term, data): (&u32, &crate::keyring::DataKey)| TermInfo {
            term: *term,
            installed: data.installed,
            encryptions: self.terms.get(term).map_or(0, |t| t.encryptions.load(Ordering::Relaxed)),
        };
        self.keyring.terms().iter().map(info).collect()
    }
}

fn locked_hmac(key: Key32) -> Hmac {
    Hmac::locked(&LockedKey::from_key(key))
}

const VALUE_FORMAT: u8 = 1;
const VALUE_HEADER_LEN: usize = 1 + 4;
