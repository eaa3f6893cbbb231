//! Initialisation: keys, shares and the first batch of a new cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use barrier::{
    Barrier, JoinKey, Keyring, RootKey, SealConfig, SealConfigError, SealKind, UnsealKey, WrappedRoot, split, wrap_root,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use openpgp::PublicKey;
use sdk::NamespaceId;
use storage::{Batch, Check, Latches, MemoryStore, Millis, OpenStore, PathKey, RequestId, TxnState};

use zeroize::Zeroizing;

use super::ceremony::{HandedOut, hand_out, parse_keys};
use super::join::kept_for_shares;
use super::{ClusterInfo, Node};
use crate::space;
use crate::token::{ClientToken, NewToken, Tokens};
use crate::versions;

pub struct InitOptions {
    /// Of the unseal key; where the node unseals by itself, of the recovery key, and there may be none.
    pub shares: i64,
    pub threshold: i64,
    pub recipients: Recipients,
    pub cluster_name: Option<String>,
    /// The proposer's clock.
    pub now: Millis,
}

/// Whom the answer is encrypted to: OpenPGP keys in base64, one for each share.
#[derive(Default)]
pub struct Recipients {
    pub shares: Vec<String>,
    pub root_token: Option<String>,
}

/// What initialisation gives, once.
pub struct Initialised {
    pub shares: HandedOut,
    /// In base64 of its encrypted form where a key was given.
    pub root_token: Zeroizing<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("Vault is already initialized")]
    Already,
    #[error(
        "the node at {0}, which this one is configured to join (retry_join), belongs to a cluster: this node joins it and \
         founds none of its own; if it is to found one, take that retry_join out of its configuration"
    )]
    Elsewhere(String),
    #[error("invalid seal configuration: {0}")]
    Seal(#[from] SealConfigError),
    #[error("invalid seal configuration: {0}")]
    Recipients(String),
    /// What guards the root key does not answer now.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Failed(String),
}

impl Node {
    pub async fn init(&self, options: InitOptions) -> Result<Initialised, InitError> {
        let _one_at_a_time = self.founding.lock().await;
        if self.is_initialised() {
            return Err(InitError::Already);
        }
        if let Some(neighbour) = self.founded_elsewhere().await {
            return Err(InitError::Elsewhere(neighbour));
        }
        let config = match self.configured_seal() {
            SealKind::Shamir => SealConfig::shamir(options.shares, options.threshold, String::new())?,
            kind => SealConfig::automatic(kind, options.shares, options.threshold, String::new())?,
        };
        let recipients = parse_recipients(&options.recipients.shares, &config)?;
        let token_recipient = options.recipients.root_token.as_deref().map(PublicKey::parse).transpose();
        let token_recipient = token_recipient.map_err(|e| InitError::Recipients(e.to_string()))?;
        let root = RootKey::random();
        let unseal = (config.shares() > 0).then(UnsealKey::random);
        let join = unseal.as_ref().map_or_else(JoinKey::random, UnsealKey::join_key);
        let wraps = self.first_wraps(&root, unseal.as_ref(), &join).await?;
        let kept = kept_for_shares(&root, &join, &wraps);
        let keyring = Keyring::generate(options.now, join);
        let sealed_keyring = keyring.seal_with(&root);

        // The node itself stays sealed: a barrier of this call's own seals the first records.
        let barrier = Arc::new(Barrier::new());
        barrier.unseal(keyring, root);
        let (mut batch, root_token) = self.first_records(&barrier, &options)?;
        barrier.seal();
        // Before anything is founded: what cannot be handed out must not be needed.
        let made = unseal.map(|unseal| split(&unseal, &config)).unwrap_or_default();
        let shares = hand_out(&made, &recipients).map_err(|e| InitError::Recipients(e.to_string()))?;
        let root_token = match token_recipient {
            None => Zeroizing::new(root_token.expose().to_owned()),
            Some(key) => {
                let encrypted = key.encrypt(root_token.expose().as_bytes());
                let encrypted = encrypted.map_err(|e| InitError::Recipients(e.to_string()))?;
                Zeroizing::new(BASE64_STANDARD.encode(encrypted))
            }
        };

        let json = |what: Result<Vec<u8>, serde_json::Error>| {
            what.map(Bytes::from).map_err(|e| InitError::Failed(e.to_string()))
        };
        for key in [space::keyring(), space::seal_config()] {
            batch.checks.push(Check { key, revision: None });
        }
        batch.puts.push((space::keyring(), Bytes::from(sealed_keyring)));
        batch.puts.push((space::seal_config(), json(serde_json::to_vec(&config))?));
        batch.puts.push((space::seal_wraps(), json(serde_json::to_vec(&wraps))?));
        batch.puts.extend(kept);
        self.replication.found(batch).await.map_err(|e| InitError::Failed(e.to_string()))?;
        tracing::info!(shares = options.shares, threshold = options.threshold, "the cluster is initialised");
        Ok(Initialised { shares, root_token })
    }

    async fn first_wraps(
        &self,
        root: &RootKey,
        unseal: Option<&UnsealKey>,
        join: &JoinKey,
    ) -> Result<WrappedRoot, InitError> {
        let failed = |why: &dyn std::fmt::Display| InitError::Failed(format!("the root key was not wrapped: {why}"));
        let away = |why| InitError::Unavailable(format!("no seal does its work now, and nothing was founded: {why}"));
        let mut wraps = WrappedRoot::new(Vec::new());
        if let Some(key) = unseal {
            wraps.replace(wrap_root(key, root, join).await.map_err(|e| failed(&e))?);
        }
        for wrap in self.wrapped_by_seals(root, join, &BTreeSet::new()).await.map_err(away)? {
            wraps.replace(wrap);
        }
        Ok(wraps)
    }

    /// The mounts that every server has, the built-in policies and the first root token.
    fn first_records(&self, barrier: &Arc<Barrier>, options: &InitOptions) -> Result<(Batch, ClientToken), InitError> {
        let failed = |e: &dyn std::fmt::Display| InitError::Failed(e.to_string());
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::clone(barrier) as _);
        let snapshot = store.snapshot().map_err(|e| failed(&e))?;
        let mut state = TxnState::new(snapshot, Latches::new().begin());
        let mut txn = state.at(space::records(&NamespaceId::root()));
        self.mounts.add_builtins(&mut txn).map_err(|e| failed(&e))?;
        self.policies.add_builtins(&mut txn, options.now).map_err(|e| failed(&e))?;
        versions::note(&mut txn, versions::VERSION, options.now).map_err(|e| failed(&e))?;
        let info = ClusterInfo {
            name: options.cluster_name.clone().unwrap_or_else(|| {
                let random: [u8; 4] = crypto::random();
                format!("holdfast-cluster-{}", hex::encode(random))
            }),
            id: uuid::Uuid::from_bytes(crypto::random()).to_string(),
        };
        txn.put(&cluster_key(), &info).map_err(|e| failed(&e))?;
        let tokens = Tokens::new(Arc::clone(barrier), Arc::clone(&self.namespaces), self.mounts.limits());
        let token = tokens.create(&mut txn, options.now, root_token()).map_err(|e| failed(&e))?.token;
        let (open, _latches) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let mut batch = store.seal(id, options.now, open).map_err(|e| failed(&e))?;
        // It was made on a store of this call's own, whose history is not the cluster's.
        batch.epoch = None;
        Ok((batch, token))
    }
}

fn parse_recipients(keys: &[String], config: &SealConfig) -> Result<Vec<PublicKey>, InitError> {
    if !keys.is_empty() && keys.len() != usize::from(config.shares()) {
        let text = "count mismatch between number of provided PGP keys and number of shares";
        return Err(InitError::Recipients(text.to_owned()));
    }
    parse_keys(keys).map_err(InitError::Recipients)
}

pub(super) fn cluster_key() -> PathKey {
    PathKey::kind("cluster")
}

pub(super) fn root_token() -> NewToken {
    NewToken {
        policies: vec!["root".into()],
        path: "auth/token/root".into(),
        display_name: "root".into(),
        never_expires: true,
        initial_root: true,
        ..NewToken::default()
    }
}
