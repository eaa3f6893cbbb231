//! New shares: a new unseal key (or recovery key) wraps the root key in place of the old one.
//!
//! ```text
//!   start ── shares of the old key ──▶ new shares are made ──┬─ their answer is audited ─▶ they count, and are sent
//!                                                            └─ they are sent ─ shares of the new key ─▶ they count
//!                                                                                          (with verification)
//! ```
//!
//! They never count before it is certain that they can be handed out: an answer that cannot be audited is not sent.
//!
//! Wraps, seal configuration and keyring (new shares mean a new join key) change in one batch. The root key stays.

use std::collections::BTreeMap;

use barrier::{JoinKey, SealConfig, SealConfigError, Share, UnsealKey, split};
use openpgp::PublicKey;
use serde::{Deserialize, Serialize};
use storage::{Batch, Latches, Read, TxnState};
use tokio::time::Instant;

use super::ceremony::{CeremonyError, Collected, HandedOut, hand_out, parse_keys, random_nonce};
use super::rewrap::Rewrap;
use super::{ChangeError, Node};
use crate::space;

/// Which shares are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareKind {
    /// Those that unseal.
    Unseal,
    /// Those that a cluster has which unseals by itself.
    Recovery,
}

#[derive(Default)]
pub struct RekeyOptions {
    pub shares: i64,
    pub threshold: i64,
    pub pgp_keys: Vec<String>,
    /// Whether the encrypted shares are kept for whoever may ask for them.
    pub backup: bool,
    pub verify: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct RekeyStatus {
    pub started: bool,
    pub nonce: String,
    /// Of the new shares.
    pub threshold: u8,
    pub shares: u8,
    pub progress: usize,
    /// How many of the present shares it takes.
    pub required: u8,
    pub fingerprints: Option<Vec<String>>,
    pub backup: bool,
    pub verify: bool,
    pub verification_nonce: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct VerifyStatus {
    pub started: bool,
    pub nonce: String,
    pub threshold: u8,
    pub shares: u8,
    pub progress: usize,
}

/// The new shares, given out once.
pub struct Rekeyed {
    pub nonce: String,
    pub keys: HandedOut,
    pub fingerprints: Option<Vec<String>>,
    pub backup: bool,
    /// They count only once they have been given back under this nonce.
    pub verification_nonce: Option<String>,
    /// Without verification they count once this has been carried out.
    pub pending: Option<NewShares>,
}

/// New shares that are about to count.
pub struct NewShares {
    config: SealConfig,
    key: UnsealKey,
    backup: Option<RekeyBackup>,
    /// The numbers of the shares that were given for them.
    present: SealConfig,
}

impl NewShares {
    pub(super) fn key(&self) -> &UnsealKey {
        &self.key
    }

    pub(super) fn join_key(&self) -> JoinKey {
        self.key.join_key()
    }

    /// The nonce of the shares that were given.
    pub(super) fn authorised_for(&self) -> &str {
        self.present.nonce()
    }

    /// Nobody could give any.
    pub(super) fn are_the_first(&self) -> bool {
        self.present.shares() == 0
    }

    /// With the seal that the cluster has when they come to count.
    pub(super) fn numbers(&self, of: &SealConfig) -> std::result::Result<SealConfig, SealConfigError> {
        of.reshared(self.config.shares().into(), self.config.threshold().into(), self.config.nonce().to_owned())
    }
}

/// How new shares came to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    Now,
    /// Leadership was lost meanwhile: either these or the old ones count.
    Perhaps,
}

pub enum RekeyProgress {
    More(RekeyStatus),
    Done(Rekeyed),
}

pub enum VerifyProgress {
    More(VerifyStatus),
    Done { nonce: String },
}

/// The encrypted shares of the last rekey, by the fingerprint of whom they are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RekeyBackup {
    pub nonce: String,
    pub keys: BTreeMap<String, Vec<String>>,
}

pub(super) struct Rekey {
    config: SealConfig,
    recipients: Vec<PublicKey>,
    backup: bool,
    verify: bool,
    authorising: Collected,
    verifying: Option<Verifying>,
}

/// New shares are out and do not count yet.
struct Verifying {
    new: NewShares,
    collected: Collected,
}

impl Rekey {
    fn status(&self, required: u8) -> RekeyStatus {
        RekeyStatus {
            started: true,
            nonce: self.authorising.nonce.clone(),
            threshold: self.config.threshold(),
            shares: self.config.shares(),
            progress: self.authorising.given(),
            required,
            fingerprints: self.fingerprints(),
            backup: self.backup,
            verify: self.verify,
            verification_nonce: self.verifying.as_ref().map(|v| v.collected.nonce.clone()),
        }
    }

    fn verify_status(&self) -> VerifyStatus {
        let collected = self.verifying.as_ref().map(|v| &v.collected);
        VerifyStatus {
            started: collected.is_some(),
            nonce: collected.map_or_else(String::new, |c| c.nonce.clone()),
            threshold: self.config.threshold(),
            shares: self.config.shares(),
            progress: collected.map_or(0, Collected::given),
        }
    }

    fn fingerprints(&self) -> Option<Vec<String>> {
        let all = || self.recipients.iter().map(PublicKey::fingerprint).collect();
        (!self.recipients.is_empty()).then(all)
    }
}

type Result<T> = std::result::Result<T, CeremonyError>;

impl Node {
    pub fn rekey_status(&self, kind: ShareKind) -> Result<RekeyStatus> {
        let config = self.shares_of(kind)?;
        let mut rekeying = self.rekeying.try_lock().map_err(|_| CeremonyError::Busy)?;
        let required = config.threshold();
        Ok(match self.current(&mut rekeying)? {
            Some(rekey) => rekey.status(required),
            None => RekeyStatus { required, ..RekeyStatus::default() },
        })
    }

    /// Where there are no shares that could be given, the new ones are made at once: whoever may ask may have the first ones, of a
    /// cluster that is unsealed, if a seal is seen to open it when they are to count.
    pub async fn rekey_start(&self, kind: ShareKind, options: RekeyOptions) -> Result<RekeyProgress> {
        let present = self.shares_of(kind)?;
        if options.backup && options.pgp_keys.is_empty() {
            let text = "cannot request a backup of the new keys without providing PGP keys for encryption";
            return Err(CeremonyError::refused(text));
        }
        if !options.pgp_keys.is_empty() && i64::try_from(options.pgp_keys.len()) != Ok(options.shares) {
            return Err(CeremonyError::refused("incorrect number of PGP keys for rekey"));
        }
        let invalid =
            |why: &dyn std::fmt::Display| CeremonyError::refused(format!("invalid rekey seal configuration: {why}"));
        let config = present.reshared(options.shares, options.threshold, random_nonce()).map_err(|e| invalid(&e))?;
        let recipients = parse_keys(&options.pgp_keys).map_err(|e| invalid(&e))?;
        let mut rekeying = self.rekeying.lock().await;
        if self.current(&mut rekeying)?.is_some() {
            return Err(CeremonyError::refused("rekey already in progress"));
        }
        let rekey = rekeying.insert(Rekey {
            config,
            recipients,
            backup: options.backup,
            verify: options.verify,
            authorising: Collected::begin(self.leading()?),
            verifying: None,
        });
        tracing::info!(nonce = rekey.authorising.nonce, "a rekey has been started");
        if present.shares() == 0 {
            return made(&mut rekeying, present);
        }
        Ok(RekeyProgress::More(rekey.status(present.threshold())))
    }

    /// Cancels the attempt, new shares that are not verified included. Nothing to cancel is no mistake.
    pub async fn rekey_cancel(&self, kind: ShareKind, nonce: Option<&str>) -> Result<()> {
        self.shares_of(kind)?;
        let mut rekeying = self.rekeying.lock().await;
        let other = |rekey: &Rekey| nonce.is_some_and(|nonce| nonce != rekey.authorising.nonce);
        if self.current(&mut rekeying)?.is_some_and(|rekey| other(rekey)) {
            return Err(CeremonyError::refused("another rekey is in progress than the one this nonce names"));
        }
        *rekeying = None;
        Ok(())
    }

    /// Takes a share of the present key. The last one makes the new shares.
    pub async fn rekey_update(&self, kind: ShareKind, share: Share, nonce: &str) -> Result<RekeyProgress> {
        let present = self.shares_of(kind)?;
        let mut rekeying = self.rekeying.lock().await;
        let rekey = self.current(&mut rekeying)?.ok_or_else(|| none_in_progress(kind))?;
        if rekey.verifying.is_some() {
            return Err(CeremonyError::refused("the new shares are made already; verify them, or cancel the rekey"));
        }
        let Some(key) = rekey.authorising.add(share, nonce, &present)? else {
            return Ok(RekeyProgress::More(rekey.status(present.threshold())));
        };
        if !self.is_authorised(&key).await? {
            let text =
                "rekey aborted: the given shares do not combine to the present key; all were thrown away, start over";
            return Err(CeremonyError::refused(text));
        }
        made(&mut rekeying, present)
    }

    /// Makes the new shares count, and the old ones not any more. If it fails, the old ones do.
    pub async fn rekey_finish(&self, new: NewShares, deadline: Instant) -> Result<Counting> {
        match self.replace_shares(&new, deadline).await {
            // They may be the only ones that count: they must not be lost.
            Err(CeremonyError::Change(ChangeError::Unknown(_))) => Ok(Counting::Perhaps),
            done => done.map(|()| Counting::Now),
        }
    }

    pub fn rekey_verify_status(&self, kind: ShareKind) -> Result<VerifyStatus> {
        self.shares_of(kind)?;
        let mut rekeying = self.rekeying.try_lock().map_err(|_| CeremonyError::Busy)?;
        let rekey = self.current(&mut rekeying)?.ok_or_else(nothing_to_verify)?;
        Ok(rekey.verify_status())
    }

    /// Takes a share of the new key. With the last one they count, and the old ones do not any more.
    pub async fn rekey_verify(
        &self,
        kind: ShareKind,
        share: Share,
        nonce: &str,
        deadline: Instant,
    ) -> Result<VerifyProgress> {
        self.shares_of(kind)?;
        let mut rekeying = self.rekeying.lock().await;
        let rekey = self.current(&mut rekeying)?.ok_or_else(nothing_to_verify)?;
        let config = rekey.config.clone();
        let Some(verifying) = &mut rekey.verifying else {
            return Err(CeremonyError::refused("there is nothing to verify yet: the new shares have not been made"));
        };
        let Some(key) = verifying.collected.add(share, nonce, &config)? else {
            return Ok(VerifyProgress::More(rekey.verify_status()));
        };
        if !key.is(&verifying.new.key) {
            verifying.collected = Collected::begin(verifying.collected.term);
            let text = "rekey verification failed: the given shares do not combine to the new key; ask for the new verification nonce and give the shares again";
            return Err(CeremonyError::refused(text));
        }
        self.replace_shares(&verifying.new, deadline).await?;
        let nonce = verifying.collected.nonce.clone();
        *rekeying = None;
        Ok(VerifyProgress::Done { nonce })
    }

    /// Throws away the shares given for verification; the new ones stay out.
    pub async fn rekey_verify_restart(&self, kind: ShareKind) -> Result<VerifyStatus> {
        self.shares_of(kind)?;
        let mut rekeying = self.rekeying.lock().await;
        let rekey = self.current(&mut rekeying)?.ok_or_else(nothing_to_verify)?;
        if let Some(verifying) = &mut rekey.verifying {
            verifying.collected = Collected::begin(verifying.collected.term);
        }
        Ok(rekey.verify_status())
    }

    pub fn rekey_backup(&self) -> Result<Option<RekeyBackup>> {
        let view = self.local_view().map_err(ChangeError::from)?.elsewhere(space::seal_records());
        Ok(view.get(&space::rekey_backup()).map_err(ChangeError::from)?)
    }

    pub async fn delete_rekey_backup(&self, deadline: Instant) -> Result<()> {
        let _one_at_a_time = self.changing.lock().await;
        let term = self.leading()?;
        let mut batch = self.change()?;
        let mut state = self.sealed_records()?;
        state.at(space::seal_records()).delete(&space::rekey_backup());
        self.add(&mut batch, state)?;
        Ok(self.carry(term, batch, deadline).await?)
    }

    /// The root key wrapped by the new key, the join key that goes with it in all wraps, the new numbers: one batch. A seal that cannot
    /// be reached goes on without the join key: it still unseals, and is made up for when it is back.
    async fn replace_shares(&self, new: &NewShares, deadline: Instant) -> Result<()> {
        for problem in self.rewrap(&Rewrap { new: Some(new), ..Rewrap::default() }, deadline).await? {
            tracing::warn!(problem, "a seal has not taken over the new join key");
        }
        let (shares, threshold) = (new.config.shares(), new.config.threshold());
        tracing::info!(shares, threshold, "the key shares were replaced");
        Ok(())
    }

    pub(super) fn keep_backup(&self, new: &NewShares, batch: &mut Batch) -> Result<()> {
        let Some(backup) = &new.backup else { return Ok(()) };
        let mut state = self.sealed_records()?;
        state.at(space::seal_records()).put(&space::rekey_backup(), backup).map_err(ChangeError::from)?;
        self.add(batch, state)
    }

    fn sealed_records(&self) -> Result<TxnState> {
        let snapshot = self.store.snapshot().map_err(|e| ChangeError::from(storage::Access::from(e)))?;
        Ok(TxnState::new(snapshot, Latches::new().begin()))
    }

    fn add(&self, batch: &mut Batch, state: TxnState) -> Result<()> {
        let (open, _latches) = state.finish();
        let sealed = self.store.seal(batch.id, batch.now, open);
        let sealed = sealed.map_err(|e| ChangeError::from(storage::Access::from(e)))?;
        batch.puts.extend(sealed.puts);
        batch.deletes.extend(sealed.deletes);
        Ok(())
    }

    /// The present numbers, if this cluster has shares of that kind.
    fn shares_of(&self, kind: ShareKind) -> Result<SealConfig> {
        let (config, _) = self.stored_seal()?.ok_or(ChangeError::Broken("the seal configuration is missing".into()))?;
        match (kind, config.kind().is_automatic()) {
            (ShareKind::Unseal, false) | (ShareKind::Recovery, true) => Ok(config),
            (ShareKind::Recovery, false) => Err(CeremonyError::refused("recovery rekeying not supported")),
            (ShareKind::Unseal, true) => Err(CeremonyError::refused(format!(
                "a cluster with seal type {} has recovery keys and no unseal keys; replace those with sys/rekey-recovery-key",
                config.kind().name()
            ))),
        }
    }

    /// The attempt in progress, if it began in this leadership.
    fn current<'a>(&self, rekeying: &'a mut Option<Rekey>) -> Result<Option<&'a mut Rekey>> {
        let term = self.leading()?;
        if rekeying.as_ref().is_some_and(|rekey| rekey.authorising.term != term) {
            *rekeying = None;
        }
        Ok(rekeying.as_mut())
    }
}

/// The new shares; with verification the attempt goes on.
fn made(rekeying: &mut Option<Rekey>, present: SealConfig) -> Result<RekeyProgress> {
    let rekey = rekeying.as_mut().ok_or_else(nothing_to_verify)?;
    let key = UnsealKey::random();
    let keys = hand_out(&split(&key, &rekey.config), &rekey.recipients).map_err(CeremonyError::refused)?;
    let (nonce, fingerprints) = (rekey.authorising.nonce.clone(), rekey.fingerprints());
    let backup = rekey.backup.then(|| backup_of(&nonce, fingerprints.as_deref().unwrap_or_default(), &keys));
    let new = NewShares { config: rekey.config.clone(), key, backup, present };
    let mut done = Rekeyed { nonce, keys, fingerprints, backup: rekey.backup, verification_nonce: None, pending: None };
    if rekey.verify {
        let collected = Collected::begin(rekey.authorising.term);
        done.verification_nonce = Some(collected.nonce.clone());
        rekey.verifying = Some(Verifying { new, collected });
    } else {
        done.pending = Some(new);
        *rekeying = None;
    }
    Ok(RekeyProgress::Done(done))
}

fn none_in_progress(kind: ShareKind) -> CeremonyError {
    let which = if kind == ShareKind::Unseal { "barrier" } else { "recovery" };
    CeremonyError::refused(format!(
        "no {which} rekey in progress: none was started, or it was lost with the node that was active then; start one"
    ))
}

fn nothing_to_verify() -> CeremonyError {
    CeremonyError::refused("no rekey configuration found")
}

fn backup_of(nonce: &str, fingerprints: &[String], keys: &HandedOut) -> RekeyBackup {
    let mut by_fingerprint: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (fingerprint, key) in fingerprints.iter().zip(keys) {
        by_fingerprint.entry(fingerprint.clone()).or_default().push(hex::encode(key));
    }
    RekeyBackup { nonce: nonce.to_owned(), keys: by_fingerprint }
}
