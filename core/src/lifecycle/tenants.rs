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
use sdk::{Forget, Namespace, NamespaceId};
use storage::{Access, CommitError, Revision, View};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Node;
use super::tenant_calls::Calls;
use super::tenant_holders::Holders;
use super::tenant_keys::Fetches;
use super::tenant_rotation::Counted;
use super::unsealings::Unsealings;
use crate::change::change_by;
use crate::namespace::{Doomed, NamespaceRecord, Refused, combined};
use crate::pipeline::resolve;
use crate::replication::{Asker, Outcome, Role};
use crate::space;

/// Between two looks at what is open, if none is opened or sealed meanwhile.
const LOOK: Duration = Duration::from_secs(1);
/// However much is written: between two looks at whether one was.
const PACE: Duration = Duration::from_millis(20);
/// How often it is tried to commit that one is open, when somebody changes its record meanwhile.
const COMMITS_MAX: usize = 10;
/// How long the next leader may take to tell whether it was committed.
const RESOLVE_MAX: Duration = Duration::from_secs(10);
/// Where nobody can tell, keys are kept until this node knows the present state: how often it asks, and how long each time.
const KNOWN_TRIES: usize = 60;
const KNOWN_MAX: Duration = Duration::from_secs(10);
const KNOWN_PAUSE: Duration = Duration::from_secs(1);

/// What a node knows of namespaces with seals of their own, besides their keys.
#[derive(Default)]
pub(crate) struct Tenants {
    unsealings: Unsealings,
    /// Keyrings that were opened here and are not yet open by the record, by how many: not to be closed meanwhile.
    opening: Mutex<BTreeMap<String, usize>>,
    pub(super) fetches: Fetches,
    pub(super) holders: Holders,
    pub(super) counted: Counted,
    pub(super) calls: Calls,
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
    /// For who has opened it.
    pub warning: Option<String>,
}

/// Why one was not opened.
enum NotOpen {
    Surely(Refused),
    /// It may be open by its record.
    Perhaps,
}

impl Tenants {
    pub(super) fn forget(&self) {
        self.unsealings.forget_all();
        self.fetches.forget();
        self.holders.forget_all();
        self.counted.forget_all();
    }

    /// Whether members were asked for these keys in vain.
    pub(super) fn nobody_has(&self, id: &NamespaceId) -> bool {
        self.fetches.nobody_has(id)
    }
}

/// While it lives, the keys are not taken for those of a sealed namespace.
struct Opening {
    node: Arc<Node>,
    keyring: String,
}

impl Opening {
    fn new(node: &Arc<Node>, keyring: &str) -> Self {
        *node.tenants.opening.lock().entry(keyring.to_owned()).or_default() += 1;
        Self { node: Arc::clone(node), keyring: keyring.to_owned() }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut opening = self.node.tenants.opening.lock();
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
        let sealed = !self.namespaces.is_open(record);
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
            warning: None,
        })
    }

    /// Throws away the shares that were given.
    pub fn reset_tenant_unseal(&self, record: &NamespaceRecord) {
        self.tenants.unsealings.forget(&record.id);
    }

    /// Takes a share. The one that completes the threshold opens the namespace.
    pub async fn unseal_tenant(
        self: &Arc<Self>,
        above: &Namespace,
        name: &str,
        share: Share,
    ) -> Result<TenantStatus, Refused> {
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
        self.open_for_all(above, record, keys).await
    }

    /// A namespace right below another one, as it is now, and the records that it was found in.
    pub(super) fn tenant_named(&self, above: &Namespace, name: &str) -> Result<(View, NamespaceRecord), Refused> {
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let found = self.namespaces.live(&view, name)?;
        let record = found.ok_or_else(|| Refused::Invalid("requested namespace does not exist".into()))?;
        Ok((view, record))
    }

    /// Opens one with its keys, and says so when other members have them too.
    pub(super) async fn open_for_all(
        self: &Arc<Self>,
        above: &Namespace,
        record: NamespaceRecord,
        keys: TenantKeys,
    ) -> Result<TenantStatus, Refused> {
        let keyring = record.id.keyring();
        let opening = Opening::new(self, keyring);
        // Who had them before may have lost them.
        self.tenants.holders.forget(keyring);
        let committed = match self.hold_tenant(&record.id, keys) {
            Ok(_) => self.commit_open(above, &record).await,
            Err(problem) => Err(NotOpen::Surely(problem.into())),
        };
        let opened = match committed {
            Ok(()) => Ok(()),
            Err(NotOpen::Surely(refused)) => Err(refused),
            Err(NotOpen::Perhaps) => {
                self.keep_until_known(opening);
                return Err(Refused::Unavailable("it is unknown whether the namespace is open".into()));
            }
        };
        drop(opening);
        // They go again, unless it is open by the record, or somebody else is about to open it. Whoever has sealed it meanwhile has
        // passed them over.
        self.drop_closed_or_later();
        opened?;
        self.tenants.fetches.came(&record.id);
        tracing::info!(namespace = format!("{}{}/", above.path, record.name), "a namespace is unsealed");
        let warning = self.spread_tenant(&record.id).await;
        let (view, record) = self.tenant_named(above, &record.name)?;
        Ok(TenantStatus { warning, ..self.tenant_status(&view, &record)? })
    }

    /// Opens its records here, with the newest edition of its keyring.
    pub(super) fn hold_tenant(&self, id: &NamespaceId, keys: TenantKeys) -> Result<barrier::Opening, Access> {
        let opening = self.barrier.open_tenant(id.keyring(), keys).map_err(|_| Access::Sealed)?;
        // What was read of it may be older than the state is by now.
        self.follow_tenant_keys(id)?;
        Ok(opening)
    }

    /// They may be the only ones there are: this node's state may not show yet that they are wanted.
    fn keep_until_known(self: &Arc<Self>, opening: Opening) {
        let node = Arc::clone(self);
        tokio::spawn(async move {
            for _ in 0..KNOWN_TRIES {
                if node.replication.read_point(Instant::now() + KNOWN_MAX).await.is_ok() {
                    break;
                }
                sleep(KNOWN_PAUSE).await;
            }
            drop(opening);
            node.drop_closed_or_later();
        });
    }

    fn drop_closed_or_later(&self) {
        if let Err(problem) = self.drop_closed_tenants() {
            tracing::warn!(%problem, "keys of a sealed namespace are still held; it is tried again");
        }
    }

    async fn commit_open(&self, above: &Namespace, record: &NamespaceRecord) -> Result<(), NotOpen> {
        let deadline = Instant::now() + RESOLVE_MAX;
        for _ in 0..COMMITS_MAX {
            let Role::Active { term } = self.role() else { return Err(NotOpen::Surely(not_open("leadership moved"))) };
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
                Err(_) if gone => return Err(NotOpen::Surely(Refused::Invalid("the namespace is gone".into()))),
                // Its record was changed meanwhile.
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Unknown(id)) => match resolve(self, id, Asker::Itself, deadline).await {
                    Outcome::Ran(_) => return Ok(()),
                    Outcome::NotRun => {}
                    Outcome::Unknown => return Err(NotOpen::Perhaps),
                },
                Err(problem) => return Err(NotOpen::Surely(not_open(&problem.to_string()))),
            }
        }
        Err(NotOpen::Surely(not_open("its record is being changed all the time")))
    }

    /// Keeps the keys that this node has in step with what is open, until `stop` becomes true.
    pub async fn keep_tenants(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let (mut seen, mut turn) = (None, None);
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
                match self.fetch_new_tenants() {
                    // The others have been asked in vain, and are asked again beside.
                    Ok(others) if fetching.as_ref().is_none_or(JoinHandle::is_finished) => {
                        let node = Arc::clone(&self);
                        fetching = Some(tokio::spawn(async move { node.fetch_all(others).await }));
                    }
                    Ok(_) => {}
                    Err(problem) => tracing::debug!(%problem, "which namespaces are open could not be read"),
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.turns(&mut turn) => {}
            }
        }
    }

    /// Comes back when one was opened or sealed, as far as this node has applied, and after a while.
    async fn turns(self: &Arc<Self>, turn: &mut Option<Revision>) {
        let end = Instant::now() + LOOK;
        if self.is_sealed() {
            return sleep_until(end).await;
        }
        while Instant::now() < end {
            let (applied, looked) = (self.store.applied(), Instant::now());
            let Ok(view) = self.local_view() else { return sleep_until(end).await };
            let last = self.namespaces.last_turn(&view).unwrap_or(*turn);
            if last != *turn {
                *turn = last;
                self.say_turned(&view);
                return;
            }
            if timeout_at(end, self.replication.moved_past(applied)).await.is_err() {
                return;
            }
            sleep_until(looked + PACE).await;
        }
    }

    /// A node that has not seen one sealed that was opened again has its keys already.
    fn say_turned(self: &Arc<Self>, view: &View) {
        let turned = self.namespaces.turned(view).ok().flatten();
        if let Some(id) = turned.filter(|id| self.barrier.holds(id.keyring()))
            && !matches!(self.role(), Role::Active { .. })
            && matches!(self.namespaces.served(view, &id), Ok(Some(_)))
        {
            self.say_held(&id);
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
                    if self.let_go(&keyring, seen) {
                        tracing::info!(keyring, "the keys of a namespace that is sealed, or gone, are forgotten");
                    }
                }
                // The others do not wait for it.
                Err(problem) => tracing::warn!(keyring, %problem, "whether a namespace is open could not be read"),
            }
        }
        Ok(())
    }

    /// Forgets keys, if they were not opened anew since, and what was decoded with them, which is nobody's business any more.
    pub(super) fn let_go(&self, keyring: &str, seen: barrier::Opening) -> bool {
        let closed = self.barrier.close_tenant(keyring, seen);
        if closed {
            self.forget_records(Forget::Keyring(keyring));
            self.keyring.let_go(keyring);
            self.tenants.holders.forget(keyring);
            self.tenants.counted.forget(keyring);
        }
        closed
    }

    /// Whether this keyring is one of what is open, or of what was when it was doomed: that is looked at until it is gone.
    pub(super) fn keeps(&self, view: &View, keyring: &str) -> Result<bool, Access> {
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
