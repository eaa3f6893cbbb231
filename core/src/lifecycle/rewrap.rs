//! The wraps of the root key, as the active node keeps them: one by each seal that is configured, under its present key.
//!
//! Every change of them is one batch, made here. The seals are asked beforehand, all at once and for a while only; then, with nobody
//! else changing anything, what was seen is held against what is stored. If that is something else by now they are asked
//! again. Whatever is taken away, a wrap that was seen to open stays, or the shares that somebody has just given.

use std::collections::BTreeSet;
use std::time::Duration;

use barrier::{SealConfig, SealFailure, SealKind, UnwrapError, Wrap, WrapError, WrappedRoot, unwrap_root};
use bytes::Bytes;
use futures::future::join_all;
use sdk::Map;
use storage::{Batch, StoreError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::ceremony::CeremonyError;
use super::join::kept_for_shares;
use super::rekey::NewShares;
use super::seals::{CALL_MAX, until};
use super::{ChangeError, ConfiguredSeal, Node};
use crate::replication::Role;
use crate::space;

/// How often the active node looks for what is missing.
const LOOK: Duration = Duration::from_secs(60);
const CHANGE_MAX: Duration = Duration::from_secs(30);
/// What has to be left of a request's time before something is changed: its answer has to arrive.
const MARGIN: Duration = Duration::from_secs(1);
/// How often the seals are asked again because the wraps were changed meanwhile.
const ROUNDS: usize = 4;

/// What is to become of the wraps.
#[derive(Default)]
pub(super) struct Rewrap<'a> {
    /// The seals that make theirs anew.
    pub make: BTreeSet<String>,
    /// The seals whose wraps go.
    pub take: BTreeSet<String>,
    /// These are not made anew by themselves.
    pub without: BTreeSet<String>,
    /// Nobody has asked for it.
    pub by_itself: bool,
    /// The id of the shares' key, if who holds them is content with the shares alone.
    pub by_shares: Option<String>,
    /// The shares change, and with them the join key in every wrap.
    pub new: Option<&'a NewShares>,
}

/// What the seals have answered, and about which wraps they were asked.
struct Seen {
    before: WrappedRoot,
    /// The join key that is in the new wraps.
    join_id: String,
    made: Vec<Wrap>,
    /// Wraps that were there and were opened.
    opened: Vec<Wrap>,
    /// Seals that made none, and why.
    failed: Vec<String>,
    /// Wraps that did not open, and why.
    closed: Vec<String>,
}

enum Settled {
    /// Which seals failed, and how.
    Done(Vec<String>),
    /// What was seen is not what is there.
    Changed,
}

type Result<T> = std::result::Result<T, CeremonyError>;

impl Node {
    /// Keeps the wraps, for as long as this node runs and is active. It waits for seals: nothing that has to go on waits for it.
    pub(super) async fn keep_wrapped(&self, mut stop: watch::Receiver<bool>) {
        let mut role = self.replication.role();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                changed = role.changed() => if changed.is_err() { return },
                () = self.rewrapping.notified() => {}
                () = sleep(LOOK) => {}
            }
            let active = matches!(*role.borrow_and_update(), Role::Active { .. });
            if !active || self.is_sealed() {
                continue;
            }
            match timeout(CHANGE_MAX, self.keep_wraps(Instant::now() + CHANGE_MAX)).await {
                Ok(Ok(()) | Err(CeremonyError::Change(ChangeError::Sealed | ChangeError::NotActive))) => {}
                Ok(Err(problem)) => tracing::warn!(%problem, "the root key's wraps could not be looked after"),
                Err(_) => tracing::warn!("looking after the root key's wraps takes too long"),
            }
        }
    }

    /// On the active node: makes what is missing or outdated, and ends a migration that was asked for.
    pub(super) async fn keep_wraps(&self, deadline: Instant) -> Result<()> {
        if self.is_migrating() {
            return self.migrate(deadline).await;
        }
        // Whether a wrap has the present join key is about to be judged.
        self.keyring.refresh().map_err(|e| ChangeError::from(storage::Access::from(storage::ReadError::from(e))))?;
        let make = self.wanted()?;
        if make.is_empty() {
            return Ok(());
        }
        for problem in self.rewrap(&Rewrap { make, by_itself: true, ..Rewrap::default() }, deadline).await? {
            tracing::warn!(problem, "the root key was not wrapped by a seal; it is tried again");
        }
        Ok(())
    }

    /// Whether there is something to do that the node would do by itself.
    pub(super) fn wants_wraps(&self) -> bool {
        !self.is_sealed() && (self.is_migrating() || self.wanted().is_ok_and(|wanted| !wanted.is_empty()))
    }

    /// The seals that lack a wrap, or whose wrap is outdated. A cluster that shares alone unseal gets none by itself.
    fn wanted(&self) -> std::result::Result<BTreeSet<String>, StoreError> {
        let Some((config, wraps)) = self.stored_seal()? else { return Ok(BTreeSet::new()) };
        let Ok(join_id) = self.barrier.join_id() else { return Ok(BTreeSet::new()) };
        if !config.kind().is_automatic() {
            return Ok(BTreeSet::new());
        }
        let lacks = |seal: &&ConfiguredSeal| match wraps.of(&seal.name) {
            None => !wraps.without.contains(&seal.name),
            Some(wrap) => is_older(wrap, seal) || (is_by(wrap, seal) && wrap.join_id != join_id),
        };
        Ok(self.seals.enabled().filter(lacks).map(|seal| seal.name.clone()).collect())
    }

    /// Changes the wraps in one batch. Answers which seals failed, and how.
    pub(super) async fn rewrap(&self, change: &Rewrap<'_>, deadline: Instant) -> Result<Vec<String>> {
        for _ in 0..ROUNDS {
            self.leading()?;
            let seen = self.ask_seals(change, deadline).await?;
            match self.settle(change, seen, deadline).await? {
                Settled::Done(failed) => return Ok(failed),
                Settled::Changed => {}
            }
        }
        Err(ChangeError::Unavailable("the wraps are being changed by others again and again; ask again".into()).into())
    }

    /// All at once, within one bound.
    async fn ask_seals(&self, change: &Rewrap<'_>, deadline: Instant) -> Result<Seen> {
        let (_, before) = self.stored_wraps()?;
        let now = Instant::now();
        // Who does not answer in half of the time is done without.
        let end = now + CALL_MAX.min(deadline.saturating_duration_since(now) / 2);
        let new_join = change.new.map(NewShares::join_key);
        let join_id = match &new_join {
            Some(join) => join.id(),
            None => self.barrier.join_id().map_err(|_| ChangeError::Sealed)?,
        };
        let makes = |seal: &&ConfiguredSeal| match before.of(&seal.name) {
            // New shares are no reason to go over to another key of the seal.
            Some(wrap) if change.new.is_some() => is_by(wrap, seal) || is_older(wrap, seal),
            _ => change.make.contains(&seal.name),
        };
        let making = self.seals.enabled().filter(makes).map(async |seal| {
            let made = until(end, self.barrier.wrap(seal.seal.as_ref(), new_join.as_ref())).await;
            (seal, made.map(|wrap| wrap.named(&seal.name)))
        });
        let taking = takes(change, &before) || change.new.is_some_and(NewShares::are_the_first);
        let stays = |wrap: &&Wrap| taking && !change.take.contains(wrap.seal()) && !change.make.contains(wrap.seal());
        let opening = before.automatic().filter(stays).map(async |wrap| {
            let opened = match self.seals.get(wrap.seal()) {
                Some(seal) => until(end, self.verified(seal, wrap)).await.map_err(|problem| problem.to_string()),
                None => Err("the active node's configuration lacks it".to_owned()),
            };
            (wrap, opened)
        });
        let (made, opened) = tokio::join!(join_all(making), join_all(opening));
        let (mut wraps, mut failed, mut closed) = (Vec::new(), Vec::new(), Vec::new());
        for (seal, made) in made {
            match made {
                // It would be made anew at once, and again and again.
                Ok(wrap) if change.by_itself && seal.seal.is_outdated(&wrap.key_id, &wrap.bytes) => {
                    failed.push(format!("{}: its key is replaced at this moment", seal.name));
                }
                Ok(wrap) => wraps.push(wrap),
                Err(WrapError::Sealed) => return Err(ChangeError::Sealed.into()),
                Err(WrapError::Seal(failure)) => failed.push(format!("{}: {failure}", seal.name)),
            }
        }
        let mut seen = Vec::new();
        for (wrap, opened) in opened {
            match opened {
                Ok(()) => seen.push(wrap.clone()),
                Err(problem) => closed.push(format!("{}: {problem}", wrap.seal())),
            }
        }
        Ok(Seen { before, join_id, made: wraps, opened: seen, failed, closed })
    }

    async fn settle(&self, change: &Rewrap<'_>, seen: Seen, deadline: Instant) -> Result<Settled> {
        let late = || ChangeError::Unavailable("it took too long; ask again".into());
        let one_at_a_time = timeout_at(deadline - MARGIN, self.changing.lock()).await;
        let _one_at_a_time = one_at_a_time.map_err(|_| late())?;
        let term = self.leading()?;
        let mut batch = self.change()?;
        let (config, before) = self.stored_wraps()?;
        let present_join = self.barrier.join_id().map_err(|_| ChangeError::Sealed)?;
        if change.new.is_none() && !seen.made.is_empty() && present_join != seen.join_id {
            return Ok(Settled::Changed);
        }
        let mut wraps = before.clone();
        let mut made = Vec::new();
        for wrap in &seen.made {
            if change.by_itself && wraps.without.contains(wrap.seal()) {
                continue;
            }
            // One that was taken away while its seal was asked for the new join key.
            if change.new.is_some() && wraps.of(wrap.seal()).is_none() {
                continue;
            }
            wraps.without.remove(wrap.seal());
            wraps.replace(wrap.clone());
            made.push(wrap);
        }
        wraps.wraps.retain(|wrap| !change.take.contains(wrap.seal()));
        wraps.without.extend(change.without.iter().cloned());
        let must_open = takes(change, &before) || change.new.is_some_and(NewShares::are_the_first);
        let opens = |wrap: &Wrap| seen.made.contains(wrap) || seen.opened.contains(wrap);
        if must_open && !wraps.automatic().any(opens) && !opened_by_shares(change, &wraps) {
            return if before == seen.before {
                Err(nothing_opens(change, &seen, &wraps))
            } else {
                Ok(Settled::Changed)
            };
        }
        let mut config_after = self.guarded(&config, &wraps)?;
        if let Some(new) = change.new {
            config_after = self.reshare(new, &config, &config_after, &mut wraps, &mut batch).await?;
        }
        if wraps == before && config_after == config {
            return Ok(Settled::Done(seen.failed));
        }
        if change.new.is_none() {
            self.tell_of_wraps(&(config.kind(), &before), &(config_after.kind(), &wraps)).await?;
        }
        let json =
            |what: serde_json::Result<Vec<u8>>| what.map(Bytes::from).map_err(|e| ChangeError::Broken(e.to_string()));
        batch.puts.push((space::seal_wraps(), json(serde_json::to_vec(&wraps))?));
        if config_after != config {
            batch.puts.push((space::seal_config(), json(serde_json::to_vec(&config_after))?));
        }
        if Instant::now() + MARGIN > deadline {
            return Err(late().into());
        }
        let carried = timeout_at(deadline, self.carry(term, batch, deadline)).await;
        carried.unwrap_or_else(|_| Err(ChangeError::Unknown("the cluster did not answer in time".into())))?;
        let (from, to) = (config.kind().name(), config_after.kind().name());
        if from != to {
            tracing::warn!(from, to, "the cluster goes over to another seal");
        }
        for wrap in made {
            tracing::info!(seal = wrap.seal(), key_id = wrap.key_id, "the root key was wrapped by a seal");
        }
        Ok(Settled::Done(seen.failed))
    }

    /// Puts the new shares in the place of those that were given for them.
    async fn reshare(
        &self,
        new: &NewShares,
        config: &SealConfig,
        guarded: &SealConfig,
        wraps: &mut WrappedRoot,
        batch: &mut Batch,
    ) -> Result<SealConfig> {
        if config.nonce() != new.authorised_for() {
            let text = "the key shares were replaced by others meanwhile; nothing was changed, and the new shares of this \
                        attempt are worth nothing";
            return Err(CeremonyError::refused(text));
        }
        let join = new.join_key();
        let join_id = join.id();
        wraps.replace(self.barrier.wrap(new.key(), Some(&join)).await.map_err(ChangeError::from)?);
        for wrap in wraps.wraps.iter_mut().filter(|wrap| wrap.kind.is_automatic() && wrap.join_id != join_id) {
            tracing::warn!(seal = wrap.seal(), "nobody joins by a seal until it wraps again");
            wrap.forget_join_key();
        }
        let kept =
            self.barrier.with_root(|root| kept_for_shares(root, &join, wraps)).map_err(|_| ChangeError::Sealed)?;
        batch.puts.extend(kept);
        let keyring = self.barrier.rejoined(join).map_err(ChangeError::from)?;
        batch.puts.push((space::keyring(), Bytes::from(keyring.bytes)));
        self.keep_backup(new, batch)?;
        new.numbers(guarded).map_err(|problem| ChangeError::Broken(problem.to_string()).into())
    }

    fn stored_wraps(&self) -> Result<(SealConfig, WrappedRoot)> {
        Ok(self.stored_seal()?.ok_or(ChangeError::Broken("the root key's wraps are missing".into()))?)
    }

    /// Nobody has asked for most of these changes, and all of them are about who can open everything.
    async fn tell_of_wraps(
        &self,
        from: &(SealKind, &WrappedRoot),
        to: &(SealKind, &WrappedRoot),
    ) -> std::result::Result<(), ChangeError> {
        let names = |wraps: &WrappedRoot, known: &WrappedRoot| -> Vec<String> {
            let other = |wrap: &&Wrap| known.of(wrap.seal()) != Some(*wrap);
            wraps.wraps.iter().filter(other).map(|wrap| wrap.seal().to_owned()).collect()
        };
        let made = names(to.1, from.1);
        let taken: Vec<String> = names(from.1, to.1).into_iter().filter(|name| to.1.of(name).is_none()).collect();
        let facts = Map::from_iter([
            ("made".to_owned(), made.into()),
            ("taken".to_owned(), taken.into()),
            ("from_type".to_owned(), from.0.name().into()),
            ("to_type".to_owned(), to.0.name().into()),
        ]);
        let failed = |problem: &dyn std::fmt::Display| {
            ChangeError::Unavailable(format!("the audit entry of it could not be written: {problem}"))
        };
        let snapshot = self.store.snapshot().map_err(storage::Access::from)?;
        self.audit.refresh(&snapshot).map_err(|problem| failed(&problem))?;
        self.audit.event(self.replication.now(), "seal-wraps", facts).await.map_err(|problem| failed(&problem))
    }

    /// Whether the seal opens this wrap, and the root key is in it.
    pub(super) async fn verified(&self, seal: &ConfiguredSeal, wrap: &Wrap) -> std::result::Result<(), WrapError> {
        let alone = WrappedRoot::new(vec![wrap.clone()]);
        match unwrap_root(seal.seal.as_ref(), &alone).await {
            Ok(root) => {
                let own = self.barrier.with_root(|own| own.id()).map_err(|_| WrapError::Sealed)?;
                if root.id() == own { Ok(()) } else { Err(SealFailure::DoesNotOpen.into()) }
            }
            Err(UnwrapError::Refused(problem)) => Err(SealFailure::Refused(problem).into()),
            Err(UnwrapError::Unavailable(problem)) => Err(SealFailure::Unavailable(problem).into()),
            Err(_) => Err(SealFailure::DoesNotOpen.into()),
        }
    }

    /// Which kind the cluster is of with these wraps: that of the first seal which has one.
    fn guarded(&self, config: &SealConfig, wraps: &WrappedRoot) -> Result<SealConfig> {
        let mut configured = self.seals.enabled().filter(|seal| wraps.of(&seal.name).is_some());
        let first = configured.next().map(|seal| seal.seal.kind());
        // What this node is not configured for stays.
        let kept = || wraps.automatic().map(|wrap| wrap.kind).find(|kind| *kind == config.kind());
        let other = || wraps.automatic().map(|wrap| wrap.kind).next();
        let kind = first.or_else(kept).or_else(other).unwrap_or(SealKind::Shamir);
        config.guarded_by(kind).map_err(|problem| ChangeError::Broken(problem.to_string()).into())
    }
}

/// Whether the seal's present key made it.
fn is_by(wrap: &Wrap, seal: &ConfiguredSeal) -> bool {
    wrap.kind == seal.seal.kind() && wrap.key_id == seal.seal.key_id()
}

/// Whether a key made it that the seal knows to be an earlier one. What another node's configuration may have made later is left
/// alone: two nodes would take turns.
fn is_older(wrap: &Wrap, seal: &ConfiguredSeal) -> bool {
    wrap.kind == seal.seal.kind() && seal.seal.is_outdated(&wrap.key_id, &wrap.bytes)
}

/// Whether a wrap goes that may have opened.
fn takes(change: &Rewrap<'_>, wraps: &WrappedRoot) -> bool {
    wraps.wraps.iter().any(|wrap| change.take.contains(wrap.seal()))
}

fn opened_by_shares(change: &Rewrap<'_>, wraps: &WrappedRoot) -> bool {
    let of_shares = wraps.of(SealKind::Shamir.name());
    change.by_shares.as_ref().is_some_and(|id| of_shares.is_some_and(|wrap| wrap.key_id == *id))
}

fn nothing_opens(change: &Rewrap<'_>, seen: &Seen, wraps: &WrappedRoot) -> CeremonyError {
    let problems: Vec<&str> = seen.closed.iter().chain(&seen.failed).map(String::as_str).collect();
    let names: Vec<String> = change.take.iter().map(|name| format!("{name:?}")).collect();
    let names = names.join(", ");
    CeremonyError::refused(if change.new.is_some() {
        format!(
            "no seal opens the root key now, so nobody shows that this cluster may have key shares ({})",
            problems.join("; ")
        )
    } else if change.by_shares.is_some() {
        "the key shares were replaced after they were given: give the present ones".to_owned()
    } else if wraps.automatic().next().is_none() && problems.is_empty() {
        format!(
            "{names} is the last seal that unseals this cluster without anybody's help. To go over to another one, add that \
             first; to go back to key shares, write `disabled = true` into its block, start the nodes anew and unseal them \
             with `operator unseal -migrate`"
        )
    } else {
        format!("{names} stays: none of the seals that remain opens the root key now ({})", problems.join("; "))
    })
}
