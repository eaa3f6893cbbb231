//! What takes enough operators together: new shares, a new root token. Their shares come in one by one.
//!
//! The progress is in the active node's memory alone: one attempt of a kind, no more shares than the threshold, gone when
//! the node is sealed or another one becomes active. Wrong shares throw the progress away, not the attempt.

use barrier::{Seal, SealConfig, Share, UnsealKey, UnwrapError, combine, unwrap_root};
use openpgp::{EncryptError, PublicKey};
use storage::Term;
use zeroize::Zeroizing;

use super::{ChangeError, Node};

#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The caller's fault.
    #[error("{0}")]
    Refused(String),
    /// Another request changes it at this moment.
    #[error("the last share is being acted on; ask again")]
    Busy,
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl CeremonyError {
    pub(crate) fn refused(text: impl ToString) -> Self {
        Self::Refused(text.to_string())
    }
}

impl From<storage::StoreError> for CeremonyError {
    fn from(error: storage::StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Shares as they are given out: as they are, or each readable by its recipient alone.
pub type HandedOut = Vec<Zeroizing<Vec<u8>>>;

/// The shares of one attempt.
pub(super) struct Collected {
    pub nonce: String,
    /// Of the leadership that began it.
    pub term: Term,
    shares: Vec<Share>,
}

impl Collected {
    pub fn begin(term: Term) -> Self {
        Self { nonce: random_nonce(), term, shares: Vec::new() }
    }

    pub fn given(&self) -> usize {
        self.shares.len()
    }

    /// Takes a share; with the last one, the key that all of them make.
    pub fn add(&mut self, share: Share, nonce: &str, config: &SealConfig) -> Result<Option<UnsealKey>, CeremonyError> {
        if nonce != self.nonce {
            let text = "incorrect nonce supplied; give the one that the attempt was started with, and make sure it is the same attempt";
            return Err(CeremonyError::refused(text));
        }
        share.check(config).map_err(CeremonyError::refused)?;
        if self.shares.iter().any(|known| crypto::ct_eq(known.expose(), share.expose())) {
            return Err(CeremonyError::refused("this key share has been given already in this attempt"));
        }
        if self.shares.iter().any(|known| known.collides_with(&share)) {
            self.shares.clear();
            let text =
                "two different shares bear the same number, so one of them is wrong; all were thrown away, start over";
            return Err(CeremonyError::refused(text));
        }
        self.shares.push(share);
        if self.shares.len() < usize::from(config.threshold()) {
            return Ok(None);
        }
        let key = combine(&self.shares, config);
        self.shares.clear();
        key.map(Some).map_err(CeremonyError::refused)
    }
}

pub(super) fn random_nonce() -> String {
    uuid::Uuid::from_bytes(crypto::random()).to_string()
}

pub(super) fn parse_keys(texts: &[String]) -> Result<Vec<PublicKey>, String> {
    texts.iter().map(|text| PublicKey::parse(text).map_err(|e| e.to_string())).collect()
}

/// Each to its recipient, as hexadecimal text; without recipients as they are.
pub(super) fn hand_out(shares: &[Share], recipients: &[PublicKey]) -> Result<HandedOut, EncryptError> {
    if recipients.is_empty() {
        return Ok(shares.iter().map(|share| Zeroizing::new(share.expose().to_vec())).collect());
    }
    let encrypted = shares.iter().zip(recipients).map(|(share, recipient)| {
        let text = Zeroizing::new(hex::encode(share.expose()));
        recipient.encrypt(text.as_bytes()).map(Zeroizing::new)
    });
    encrypted.collect()
}

impl Node {
    /// Whether these shares' key is the one that guards this cluster.
    pub(crate) async fn is_authorised(&self, key: &UnsealKey) -> Result<bool, CeremonyError> {
        let (_, wraps) = self.stored_seal()?.ok_or(ChangeError::Broken("the root key's wraps are missing".into()))?;
        match unwrap_root(key as &dyn Seal, &wraps).await {
            Ok(root) => {
                let own = self.barrier.with_root(|own| own.id()).map_err(|_| ChangeError::Sealed)?;
                Ok(root.id() == own)
            }
            Err(UnwrapError::WrongKey) => Ok(false),
            Err(problem) => Err(ChangeError::Broken(problem.to_string()).into()),
        }
    }

    /// Throws away what operators have given: a sealed node holds no key.
    pub(super) async fn forget_ceremonies(&self) {
        *self.rekeying.lock().await = None;
        *self.generating.lock().await = None;
        *self.operating.lock().await = None;
    }
}
