//! The wraps of the root key, as the active node keeps them: one by each seal that is configured, under its present key.
//!
//! A wrap counts when it was opened again. It is made while serving, by whoever is active, for the seals that node can reach; what
//! cannot be reached is made up for later. Whatever is taken away, one that was seen to open stays, or the shares.

use std::collections::BTreeSet;

use barrier::{SealConfig, SealFailure, SealKind, UnwrapError, Wrap, WrapError, WrappedRoot, unwrap_root};
use bytes::Bytes;
use futures::future::join_all;
use sdk::Map;
use storage::StoreError;
use tokio::time::Instant;

use super::seals::within;
use super::{ChangeError, ConfiguredSeal, Node};
use crate::space;

/// What is to become of the wraps.
#[derive(Default)]
pub(super) struct Rewrap {
    /// The seals that make theirs anew.
    pub make: BTreeSet<String>,
    /// The seals whose wraps go.
    pub take: BTreeSet<String>,
    /// These are not made anew by themselves.
    pub without: BTreeSet<String>,
}

impl Node {
    /// On the active node: makes what is missing or outdated, and ends a migration that was asked for.
    pub(super) async fn keep_wraps(&self, deadline: Instant) -> Result<(), ChangeError> {
        if self.is_migrating() {
            return self.migrate(deadline).await;
        }
        let make = self.wanted()?;
        if make.is_empty() {
            return Ok(());
        }
        let failed = self.rewrap(Rewrap { make, ..Rewrap::default() }, deadline).await?;
        for problem in failed {
            tracing::warn!(problem, "the root key was not wrapped by a seal; it is tried again");
        }
        Ok(())
    }

    /// Whether there is something to do that the node would do by itself.
    pub(super) fn wants_wraps(&self) -> bool {
        !self.is_sealed() && (self.is_migrating() || self.wanted().is_ok_and(|wanted| !wanted.is_empty()))
    }

    /// The seals that lack a wrap, or whose wrap another key would make by now. A cluster that shares alone unseal gets none
    /// by itself.
    fn wanted(&self) -> Result<BTreeSet<String>, StoreError> {
        let Some((config, wraps)) = self.stored_seal()? else { return Ok(BTreeSet::new()) };
        if !config.kind().is_automatic() {
            return Ok(BTreeSet::new());
        }
        let lacks = |seal: &&ConfiguredSeal| !wraps.without.contains(&seal.name) && !has_good_wrap(&wraps, seal);
        Ok(self.seals.enabled().filter(lacks).map(|seal| seal.name.clone()).collect())
    }

    /// Changes the wraps in one batch. Answers which seals failed, and how.
    pub(super) async fn rewrap(&self, change: Rewrap, deadline: Instant) -> Result<Vec<String>, ChangeError> {
        let _one_at_a_time = self.changing.lock().await;
        let term = self.leading()?;
        let mut batch = self.change()?;
        let (config, before) =
            self.stored_seal()?.ok_or(ChangeError::Broken("the root key's wraps are missing".into()))?;
        let (mut wraps, mut done, mut failed) = (before.clone(), Vec::new(), Vec::new());
        let making = self.seals.enabled().filter(|seal| change.make.contains(&seal.name));
        let made = join_all(making.map(async |seal| (seal, self.made(seal).await))).await;
        for (seal, made) in made {
            match made {
                Ok(wrap) => {
                    done.push((seal.name.clone(), wrap.key_id.clone()));
                    wraps.without.remove(&seal.name);
                    wraps.replace(wrap);
                }
                Err(WrapError::Sealed) => return Err(ChangeError::Sealed),
                Err(WrapError::Seal(failure)) => failed.push(format!("{}: {failure}", seal.name)),
            }
        }
        wraps.wraps.retain(|wrap| !change.take.contains(wrap.seal()));
        wraps.without.extend(change.without);
        let config_after = self.guarded(&config, &wraps)?;
        if wraps == before && config_after == config {
            return Ok(failed);
        }
        self.tell_of_wraps(&(config.kind(), &before), &(config_after.kind(), &wraps)).await?;
        let json =
            |what: serde_json::Result<Vec<u8>>| what.map(Bytes::from).map_err(|e| ChangeError::Broken(e.to_string()));
        batch.puts.push((space::seal_wraps(), json(serde_json::to_vec(&wraps))?));
        if config_after != config {
            batch.puts.push((space::seal_config(), json(serde_json::to_vec(&config_after))?));
            let (from, to) = (config.kind().name(), config_after.kind().name());
            tracing::warn!(from, to, "the cluster goes over to another seal");
        }
        self.carry(term, batch, deadline).await?;
        for (seal, key_id) in done {
            tracing::info!(seal, key_id, "the root key was wrapped by a seal");
        }
        Ok(failed)
    }

    /// Nobody has asked for most of these changes, and all of them are about who can open everything.
    async fn tell_of_wraps(
        &self,
        from: &(SealKind, &WrappedRoot),
        to: &(SealKind, &WrappedRoot),
    ) -> Result<(), ChangeError> {
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

    /// A seal's wrap of the root key, which it has opened again.
    async fn made(&self, seal: &ConfiguredSeal) -> Result<Wrap, WrapError> {
        let wrap = within(self.barrier.wrap(seal.seal.as_ref(), None)).await?.named(&seal.name);
        self.verified(seal, &wrap).await.map(|()| wrap)
    }

    /// Whether the seal opens this wrap, and the root key is in it.
    pub(super) async fn verified(&self, seal: &ConfiguredSeal, wrap: &Wrap) -> Result<(), WrapError> {
        let alone = WrappedRoot::new(vec![wrap.clone()]);
        match within(unwrap_root(seal.seal.as_ref(), &alone)).await {
            Ok(root) => {
                let own = self.barrier.with_root(|own| own.id()).map_err(|_| WrapError::Sealed)?;
                if root.id() == own { Ok(()) } else { Err(SealFailure::DoesNotOpen.into()) }
            }
            Err(UnwrapError::Unavailable(problem)) => Err(SealFailure::Unavailable(problem).into()),
            Err(_) => Err(SealFailure::DoesNotOpen.into()),
        }
    }

    /// Which kind the cluster is of with these wraps: that of the first seal which has one.
    fn guarded(&self, config: &SealConfig, wraps: &WrappedRoot) -> Result<SealConfig, ChangeError> {
        let mut configured = self.seals.enabled().filter(|seal| wraps.of(&seal.name).is_some());
        let first = configured.next().map(|seal| seal.seal.kind());
        // What this node is not configured for stays.
        let kept = || wraps.automatic().map(|wrap| wrap.kind).find(|kind| *kind == config.kind());
        let other = || wraps.automatic().map(|wrap| wrap.kind).next();
        let kind = first.or_else(kept).or_else(other).unwrap_or(SealKind::Shamir);
        config.guarded_by(kind).map_err(|problem| ChangeError::Broken(problem.to_string()))
    }
}

fn has_good_wrap(wraps: &WrappedRoot, seal: &ConfiguredSeal) -> bool {
    // Without a join key: the shares were replaced while the seal was away.
    let good = |wrap: &Wrap| {
        wrap.kind == seal.seal.kind() && !wrap.join.is_empty() && !seal.seal.is_outdated(&wrap.key_id, &wrap.bytes)
    };
    wraps.of(&seal.name).is_some_and(good)
}
