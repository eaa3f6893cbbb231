//! Namespaces with a seal of their own: sealed and unsealed alone, on all nodes.
//!
//! Shares are collected by the active node, whichever node they come to. Once there are enough it opens the namespace for
//! itself and commits that it is open; the other unsealed members then ask each other for the key, over the connections that
//! they have, in messages that only unsealed nodes can read. No key is stored. Whoever becomes active has asked before, or
//! asks when the first request comes. Keys go when the record says that the namespace is sealed, or is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use barrier::{SealKind, Share, TenantKeys};
use parking_lot::Mutex;
use sdk::{Namespace, NamespaceId};
use storage::{Access, CommitError, View};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::Node;
use super::tenant_keys::Fetches;
use super::unsealings::Unsealings;
use crate::change::change_by;
use crate::namespace::{Doomed, NamespaceRecord, Refused, combined};
use crate::pipeline::resolve;
use crate::replication::{Asker, Outcome, Role};
use crate::space;

/// Between two looks at what is open.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is tried to commit that one is open, when somebody changes its record meanwhile.
const COMMITS_MAX: usize = 10;
/// How long the next leader may take to tell whether it was committed.
const RESOLVE_MAX: Duration = Duration::from_secs(10);

/// What a node knows of namespaces with seals of their own, besides their keys.
#[derive(Default)]
pub(crate) struct Tenants {
    unsealings: Unsealings,
    /// Keyrings that were opened here and are not yet open by the record, by how many: not to be closed meanwhile.
    opening: Mutex<BTreeMap<String, usize>>,
    pub(super) fetches: Fetches,
}

/// As the wire shows it.
#[derive(Clone, Debug)]
pub struct TenantStatus {
    /// What opens it besides shares, or those.
    pub kind: SealKind,
    pub sealed: bool,
    pub shares: u8,
    pub threshold: u8,
    pub given: usize,
    /// Of the unsealing that is under way; empty if there is none.
    pub nonce: String,
}

impl Tenants {
    pub(super) fn forget(&self) {
        self.unsealings.forget_all();
        self.fetches.forget();
    }

    fn opening(&self, keyring: &str) -> Opening<'_> {
        *self.opening.lock().entry(keyring.to_owned()).or_default() += 1;
        Opening { tenants: self, keyring: keyring.to_owned() }
    }

    /// Whether members were asked for these keys in vain.
    pub(super) fn nobody_has(&self, id: &NamespaceId) -> bool {
        self.fetches.nobody_has(id)
    }
}

/// While it lives, the keys are not taken for those of a sealed namespace.
struct Opening<'a> {
    tenants: &'a Tenants,
    keyring: String,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut opening = self.tenants.opening.lock();
        match opening.get_mut(&self.keyring) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(opening.remove(&self.keyring)),
        }
    }
}

impl Node {
    /// How a namespace right below another one is sealed. `view` is at the records of that above.
    pub fn tenant_status(&self, view: &View, record: &NamespaceRecord) -> Result<TenantStatus, Refused> {
        let seal = self.namespaces.seal_of(view, record)?;
        let sealed = record.is_sealed() || !self.barrier.holds(record.id.keyring());
        let (given, nonce) = self.tenants.unsealings.progress(&record.id);
        let service = self.namespaces.service_of(view, record)?;
        let kind = service.map_or(SealKind::Shamir, |service| service.service.kind());
        Ok(TenantStatus {
            kind,
            sealed,
            shares: seal.config.shares(),
            threshold: seal.config.threshold(),
            given,
            nonce,
        })
    }

    /// Throws away the shares that were given.
    pub fn reset_tenant_unseal(&self, record: &NamespaceRecord) {
        self.tenants.unsealings.forget(&record.id);
    }

    /// Takes a share. The one that completes the threshold opens the namespace.
    pub async fn unseal_tenant(&self, above: &Namespace, name: &str, share: Share) -> Result<TenantStatus, Refused> {
        let (view, record) = self.tenant_named(above, name)?;
        let status = self.tenant_status(&view, &record)?;
        if !status.sealed {
            return Ok(status);
        }
        let seal = self.namespaces.seal_of(&view, &record)?;
        let wrong = |why: &dyn std::fmt::Display| Refused::Invalid(format!("invalid key: {why}"));
        share.check(&seal.config).map_err(|e| wrong(&e))?;
        let Some(shares) = self.tenants.unsealings.collect(&record.id, above, &seal, share)? else {
            return self.tenant_status(&view, &record);
        };
        let keys = seal.open(&record.id, &combined(&shares, &seal.config)?)?;
        self.open_for_all(above, record, keys).await?;
        let (view, record) = self.tenant_named(above, name)?;
        self.tenant_status(&view, &record)
    }

    /// A namespace right below another one, as it is now, and the records that it was found in.
    pub(super) fn tenant_named(&self, above: &Namespace, name: &str) -> Result<(View, NamespaceRecord), Refused> {
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let found = self.namespaces.live(&view, name)?;
        let record = found.ok_or_else(|| Refused::Invalid("requested namespace does not exist".into()))?;
        Ok((view, record))
    }

    pub(super) async fn open_for_all(
        &self,
        above: &Namespace,
        record: NamespaceRecord,
        keys: TenantKeys,
    ) -> Result<(), Refused> {
        let keyring = record.id.keyring();
        let opening = self.tenants.opening(keyring);
        self.barrier.open_tenant(keyring, keys).map_err(|_| Access::Sealed)?;
        let committed = self.commit_open(above, &record).await;
        drop(opening);
        if committed.is_err() {
            // They go again, unless it is open by the record, or somebody else is about to open it.
            if let Err(problem) = self.drop_closed_tenants() {
                tracing::warn!(%problem, "keys of a sealed namespace are still held; it is tried again");
            }
            return committed;
        }
        self.tenants.fetches.came(&record.id);
        tracing::info!(namespace = format!("{}{}/", above.path, record.name), "a namespace is unsealed");
        Ok(())
    }

    async fn commit_open(&self, above: &Namespace, record: &NamespaceRecord) -> Result<(), Refused> {
        let deadline = Instant::now() + RESOLVE_MAX;
        for _ in 0..COMMITS_MAX {
            let Role::Active { term } = self.role() else { return Err(not_open("leadership moved")) };
            let mut gone = false;
            let committed = change_by(self, self.replication.now(), term, |state| {
                let mut txn = state.at(space::records(&above.id));
                match self.namespaces.get_for_update(&txn, &record.name)? {
                    Some(now) if now.id == record.id && !now.doomed => self.namespaces.set_sealed(&mut txn, now, false),
                    _ => {
                        gone = true;
                        Err(Refused::Invalid("the namespace is gone".into()))
                    }
                }
            });
            match committed.await {
                Ok(_) => return Ok(()),
                Err(_) if gone => return Err(Refused::Invalid("the namespace is gone".into())),
                // Its record was changed meanwhile.
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Unknown(id)) => match resolve(self, id, Asker::Itself, deadline).await {
                    Outcome::Ran(_) => return Ok(()),
                    Outcome::NotRun => {}
                    Outcome::Unknown => {
                        return Err(Refused::Unavailable("it is unknown whether the namespace is open".into()));
                    }
                },
                Err(problem) => return Err(not_open(&problem.to_string())),
            }
        }
        Err(not_open("its record is being changed all the time"))
    }

    /// Keeps the keys that this node has in step with what is open, until `stop` becomes true.
    pub async fn keep_tenants(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut seen = None;
        // Beside the loop: keys that are to go do not wait for keys that are asked for.
        let mut fetching: Option<JoinHandle<()>> = None;
        loop {
            let applied = self.store.applied();
            if !matches!(self.role(), Role::Active { .. }) {
                // Whoever is active now begins anew.
                self.tenants.unsealings.forget_all();
            }
            if !self.is_sealed() && (seen != Some(applied) || self.tenants.fetches.has_missed()) {
                match self.drop_closed_tenants() {
                    Ok(()) => seen = Some(applied),
                    Err(problem) => tracing::debug!(%problem, "which namespaces are open could not be read"),
                }
                if fetching.as_ref().is_none_or(JoinHandle::is_finished) {
                    let node = Arc::clone(&self);
                    fetching = Some(tokio::spawn(async move {
                        if let Err(problem) = node.fetch_tenants().await {
                            tracing::debug!(%problem, "which namespaces are open could not be read");
                        }
                    }));
                }
            }
            if timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    /// Forgets the keys of what is sealed by now, or gone.
    pub fn drop_closed_tenants(&self) -> Result<(), Access> {
        let held = self.barrier.open_tenants();
        let opening = self.tenants.opening.lock().clone();
        // Behind both: what was held and is opened by nobody now is in this state, if it is open.
        let view = self.local_view()?;
        for (keyring, seen) in held.into_iter().filter(|(keyring, _)| !opening.contains_key(keyring)) {
            match self.keeps(&view, &keyring) {
                Ok(true) => {}
                Ok(false) => {
                    if self.barrier.close_tenant(&keyring, seen) {
                        // What was decoded of it is nobody's business any more.
                        self.forget_records();
                        tracing::info!(keyring, "the keys of a namespace that is sealed, or gone, are forgotten");
                    }
                }
                // The others do not wait for it.
                Err(problem) => tracing::warn!(keyring, %problem, "whether a namespace is open could not be read"),
            }
        }
        Ok(())
    }

    /// Whether this keyring is one of what is open, or of what was when it was doomed: that is looked at until it is gone.
    fn keeps(&self, view: &View, keyring: &str) -> Result<bool, Access> {
        let owner = NamespaceId::owner_of(keyring).unwrap_or_default();
        if let Some(doomed) = Doomed::of(view, &owner)? {
            return Ok(!doomed.sealed);
        }
        let place = self.namespaces.by_id(view, &owner, &mut Vec::new())?;
        Ok(place.is_some_and(|place| place.namespace.id == owner && !place.is_sealed()))
    }
}

fn not_open(why: &str) -> Refused {
    Refused::Unavailable(format!("the namespace stays sealed: {why}; give the shares again"))
}
