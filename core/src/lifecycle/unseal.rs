//! Unsealing: shares come in one by one until they make the key that opens the root key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use barrier::{Keyring, RootKey, Seal, Share, UnsealKey, UnwrapError, combine, unwrap_root};
use storage::Read;
use tokio::time::Instant;

use super::join::Opener;
use super::migration::Agreement;
use super::{Node, SealStatus};
use crate::space;

/// How long a node waits for the newest state before it says of shares that they are wrong.
const NEWEST_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    #[error("Vault is not initialized; initialise it, or wait until it has found the cluster that it joins")]
    NotInitialised,
    #[error("vault is unsealed")]
    Unsealed,
    /// This node is out of its cluster.
    #[error("{0}")]
    Out(&'static str),
    #[error(
        "migrate option not provided and seal migration is pending: give migrate=true if the cluster is to go over to the seals of \
         this node's configuration, or take them out of it"
    )]
    MigrationPending,
    #[error(
        "can't perform a seal migration, no migration seal found: this node sees nothing to migrate. Where it is done already, or \
         this node has yet to join, leave out migrate; a cluster without shares has none that could agree to it"
    )]
    NoMigration,
    /// A share that cannot be one.
    #[error("{0}")]
    BadShare(String),
    /// The shares together open nothing. They were thrown away.
    #[error("unable to retrieve unseal keys: the given shares do not open this cluster's root key; start again")]
    WrongShares,
    /// The same where others than these may be meant.
    #[error(
        "unable to retrieve unseal keys: the given shares do not open this cluster's root key. It is a DR secondary, which its \
         primary's shares unseal, as its last activation token brought them, and not those of its own from before; start again"
    )]
    WrongSharesOfCopy,
    #[error("{0}")]
    Failed(String),
}

/// The shares given so far.
#[derive(Default)]
pub(super) struct Progress {
    shares: Vec<Share>,
    nonce: String,
}

impl Progress {
    pub fn given(&self) -> usize {
        self.shares.len()
    }

    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Node {
    /// Throws the given shares away.
    pub fn reset_unseal(&self) -> Result<SealStatus, UnsealError> {
        if !self.is_sealed() {
            return Err(UnsealError::Unsealed);
        }
        self.unsealing.lock().reset();
        self.status()
    }

    /// Takes a share. The one that completes the threshold unseals, or joins first where that is pending.
    pub async fn unseal(self: &Arc<Self>, share: Share) -> Result<SealStatus, UnsealError> {
        self.give(share, false).await
    }

    /// The same from those who agree that the cluster goes over to the seals of this node's configuration.
    pub async fn unseal_to_migrate(self: &Arc<Self>, share: Share) -> Result<SealStatus, UnsealError> {
        self.give(share, true).await
    }

    async fn give(self: &Arc<Self>, share: Share, migrate: bool) -> Result<SealStatus, UnsealError> {
        if !self.is_sealed() {
            return if migrate { self.agree(share).await } else { self.status() };
        }
        if let Some(why) = self.out() {
            return Err(UnsealError::Out(why));
        }
        let pending = self.migration_is_pending().map_err(|e| UnsealError::Failed(e.to_string()))?;
        match (pending, migrate) {
            (true, false) => return Err(UnsealError::MigrationPending),
            (false, true) => return Err(UnsealError::NoMigration),
            _ => {}
        }
        let Some(key) = self.take_share(share)? else { return self.status() };
        let joins = self.joining.lock().is_some() && !self.replication.initialised();
        if joins {
            self.join_with(Opener::Shares(key)).await?;
        } else {
            match self.open(&key).await {
                // They may be newer than the state here.
                Err(UnsealError::WrongShares | UnsealError::WrongSharesOfCopy)
                    if self.seal_is_newer_elsewhere().await =>
                {
                    self.open(&key).await?
                }
                opened => opened?,
            }
            if migrate {
                self.agree_to_migrate(key.key_id());
            }
        }
        self.status()
    }

    /// Whether this node lacked the newest wraps. It has them then.
    async fn seal_is_newer_elsewhere(&self) -> bool {
        let wraps = || self.raw(&space::seal_wraps()).ok().flatten();
        let before = wraps();
        self.replication.read_point(Instant::now() + NEWEST_WITHIN).await.is_ok() && wraps() != before
    }

    /// What shares are that open nothing.
    fn wrong_shares(&self) -> UnsealError {
        if self.is_secondary() { UnsealError::WrongSharesOfCopy } else { UnsealError::WrongShares }
    }

    /// On a node that another seal has unsealed: the shares show that who asks may.
    async fn agree(&self, share: Share) -> Result<SealStatus, UnsealError> {
        let failed = |e: &dyn std::fmt::Display| UnsealError::Failed(e.to_string());
        let pending = self.migration_is_pending().map_err(|e| failed(&e))?;
        match (self.agreement(), pending) {
            (Agreement::None, false) => return Err(UnsealError::NoMigration),
            (_, false) | (Agreement::By(_), true) => return self.status(),
            (Agreement::None | Agreement::CarriedOut, true) => {}
        }
        let Some(key) = self.take_share(share)? else { return self.status() };
        if !self.is_authorised(&key).await.map_err(|e| failed(&e))? {
            return Err(UnsealError::WrongShares);
        }
        self.agree_to_migrate(key.key_id());
        self.status()
    }

    fn take_share(&self, share: Share) -> Result<Option<UnsealKey>, UnsealError> {
        let failed = |e: storage::StoreError| UnsealError::Failed(e.to_string());
        let config = self.seal_config().map_err(failed)?.ok_or(UnsealError::NotInitialised)?;
        share.check(&config).map_err(|e| UnsealError::BadShare(e.to_string()))?;
        let mut progress = self.unsealing.lock();
        if progress.shares.iter().any(|known| crypto::ct_eq(known.expose(), share.expose())) {
            return Ok(None);
        }
        if progress.shares.iter().any(|known| known.collides_with(&share)) {
            progress.reset();
            return Err(UnsealError::WrongShares);
        }
        if progress.nonce.is_empty() {
            progress.nonce = uuid::Uuid::from_bytes(crypto::random()).to_string();
        }
        progress.shares.push(share);
        if progress.shares.len() < usize::from(config.threshold()) {
            return Ok(None);
        }
        let key = combine(&progress.shares, &config);
        progress.reset();
        key.map(Some).map_err(|e| UnsealError::BadShare(e.to_string()))
    }

    /// Opens root key and keyring with what the shares make and begins to serve.
    pub(super) async fn open(&self, key: &UnsealKey) -> Result<(), UnsealError> {
        let failed = |e: &dyn std::fmt::Display| UnsealError::Failed(e.to_string());
        let (_, wraps) = self.stored_seal().map_err(|e| failed(&e))?.ok_or(UnsealError::NotInitialised)?;
        let root = unwrap_root(key, &wraps).await.map_err(|error| match error {
            UnwrapError::WrongKey => self.wrong_shares(),
            error => failed(&error),
        })?;
        self.open_with(root, self.sealings())
    }

    /// How often this node was sealed by request.
    pub(super) fn sealings(&self) -> u64 {
        self.sealings.load(Ordering::SeqCst)
    }

    /// Opens the keyring with the root key and begins to serve, unless the node was sealed by request since.
    pub(super) fn open_with(&self, root: RootKey, sealings: u64) -> Result<(), UnsealError> {
        let failed = |e: &dyn std::fmt::Display| UnsealError::Failed(e.to_string());
        let sealed = self.raw(&space::keyring()).map_err(|e| failed(&e))?;
        let sealed = sealed.ok_or_else(|| UnsealError::Failed("the keyring is not in the store yet".into()))?;
        let keyring = Keyring::open_with(&root, &sealed).map_err(|e| failed(&e))?;
        let _turning = self.turning.lock();
        if !self.is_sealed() {
            return Ok(());
        }
        if let Some(why) = self.out() {
            return Err(UnsealError::Out(why));
        }
        if self.sealings() != sealings {
            return Err(UnsealError::Failed("the node was sealed meanwhile, by request".into()));
        }
        self.barrier.unseal(keyring, root);
        let info = self.local_view().and_then(|view| view.get(&super::init::cluster_key()));
        match info {
            Ok(info) => *self.cluster.lock() = info,
            Err(problem) => {
                self.barrier.seal();
                return Err(failed(&problem));
            }
        }
        self.replication.set_sealed(false);
        tracing::info!("the node is unsealed");
        Ok(())
    }

    fn status(&self) -> Result<SealStatus, UnsealError> {
        self.seal_status().map_err(|e| UnsealError::Failed(e.to_string()))
    }
}
