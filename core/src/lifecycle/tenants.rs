//! Namespaces with a seal of their own: sealed and unsealed alone, on all nodes.
//!
//! Shares are collected by the active node, whichever node they come to. Once there are enough it opens the namespace for
//! itself and commits that it is open; the other unsealed members then ask each other for the key, over the connections that
//! they have, in messages that only unsealed nodes can read. No key is stored. Whoever becomes active has asked before, or
//! asks when the first request comes. Keys go when the record says that the namespace is sealed, or is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use barrier::{SealKind, Share, TenantKeys};
use bytes::Bytes;
use parking_lot::Mutex;
use sdk::{Namespace, NamespaceId};
use storage::{Revision, View};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::Node;
use crate::change::change_by;
use crate::namespace::{NamespaceRecord, Place, Refused, combined};
use crate::replication::Role;
use crate::space;

/// Between two looks at what is open.
const LOOK: Duration = Duration::from_secs(1);
/// How often one that nobody has keys for is asked about again.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// How long the members may take to answer a request that waits for them.
const ASK_MAX: Duration = Duration::from_secs(3);
/// Namespaces of which one look takes care.
const PAGE: usize = 10_000;
/// Unsealings that are under way at once; of more the oldest begin anew.
const UNSEALINGS_MAX: usize = 256;
/// How long shares wait for the others.
const GIVEN_MAX: Duration = Duration::from_secs(600);
/// How long the one that is asked may take to make sure who is a member.
const READ_MAX: Duration = Duration::from_secs(3);

/// What a node knows of namespaces with seals of their own, besides their keys.
#[derive(Default)]
pub(crate) struct Tenants {
    /// Shares that were given, by namespace. The active node's.
    given: Mutex<BTreeMap<NamespaceId, Progress>>,
    /// Keyrings that were opened here and are not yet open by the record: not to be closed meanwhile.
    opening: Mutex<BTreeSet<String>>,
    /// When nobody had the keys of one.
    missed: Mutex<BTreeMap<NamespaceId, Missed>>,
    /// One asks at a time.
    asking: tokio::sync::Mutex<()>,
}

struct Progress {
    shares: Vec<Share>,
    nonce: String,
    since: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self { shares: Vec::new(), nonce: String::new(), since: Instant::now() }
    }
}

struct Missed {
    /// Where its record stood: opened anew, somebody has its keys.
    at: Option<Revision>,
    again: Instant,
    pause: Duration,
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
        self.given.lock().clear();
        self.missed.lock().clear();
    }

    fn status(&self, id: &NamespaceId) -> (usize, String) {
        let given = self.given.lock();
        given.get(id).map_or_else(Default::default, |progress| (progress.shares.len(), progress.nonce.clone()))
    }

    fn opening(&self, keyring: &str) -> Opening<'_> {
        self.opening.lock().insert(keyring.to_owned());
        Opening { tenants: self, keyring: keyring.to_owned() }
    }

    /// Whether members were asked for these keys in vain.
    pub(super) fn nobody_has(&self, id: &NamespaceId) -> bool {
        self.missed.lock().contains_key(id)
    }

    /// Whether it is time to ask for these keys again.
    fn may_ask(&self, id: &NamespaceId, at: Option<Revision>) -> bool {
        self.missed.lock().get(id).is_none_or(|missed| missed.at != at || missed.again <= Instant::now())
    }

    fn note_missed(&self, id: &NamespaceId, at: Option<Revision>) {
        let mut missed = self.missed.lock();
        let before = missed.get(id).filter(|missed| missed.at == at);
        let pause = before.map_or(RETRY_FIRST, |missed| (missed.pause * 2).min(RETRY_LAST));
        missed.insert(id.clone(), Missed { at, again: Instant::now() + pause, pause });
    }
}

/// While it lives, the keys are not taken for those of a sealed namespace.
struct Opening<'a> {
    tenants: &'a Tenants,
    keyring: String,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.tenants.opening.lock().remove(&self.keyring);
    }
}

impl Node {
    /// How a namespace right below another one is sealed. `view` is at the records of that above.
    pub fn tenant_status(&self, view: &View, record: &NamespaceRecord) -> Result<TenantStatus, Refused> {
        let seal = self.namespaces.seal_of(view, record)?;
        let sealed = record.is_sealed() || !self.barrier.holds(record.id.keyring());
        let (given, nonce) = self.tenants.status(&record.id);
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
        self.tenants.given.lock().remove(&record.id);
    }

    /// Takes a share. The one that completes the threshold opens the namespace.
    pub async fn unseal_tenant(&self, above: &Namespace, name: &str, share: Share) -> Result<TenantStatus, Refused> {
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let found = self.namespaces.get(&view, name)?.filter(|record| !record.doomed);
        let record = found.ok_or_else(|| Refused::Invalid("requested namespace does not exist".into()))?;
        let status = self.tenant_status(&view, &record)?;
        if !status.sealed {
            return Ok(status);
        }
        let seal = self.namespaces.seal_of(&view, &record)?;
        let wrong = |why: &dyn std::fmt::Display| Refused::Invalid(format!("invalid key: {why}"));
        share.check(&seal.config).map_err(|e| wrong(&e))?;
        let Some(shares) = self.collect(&record.id, share, usize::from(seal.config.threshold()))? else {
            return self.tenant_status(&view, &record);
        };
        let keys = seal.open(&record.id, &combined(&shares, &seal.config)?)?;
        self.open_for_all(above, record, keys).await?;
        let record = self.namespaces.get(&self.local_view()?.elsewhere(space::records(&above.id)), name)?;
        self.tenant_status(&view, &record.ok_or_else(|| Refused::Invalid("the namespace is gone".into()))?)
    }

    /// Enough shares, once they are there; the collection then begins anew.
    fn collect(&self, id: &NamespaceId, share: Share, threshold: usize) -> Result<Option<Vec<Share>>, Refused> {
        let mut given = self.tenants.given.lock();
        given.retain(|_, progress| progress.since.elapsed() < GIVEN_MAX);
        if given.len() >= UNSEALINGS_MAX && !given.contains_key(id) {
            let oldest = given.iter().min_by_key(|(_, progress)| progress.since).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| given.remove(&oldest));
        }
        let progress = given.entry(id.clone()).or_default();
        if progress.shares.iter().any(|known| crypto::ct_eq(known.expose(), share.expose())) {
            return Ok(None);
        }
        if progress.shares.iter().any(|known| known.collides_with(&share)) {
            given.remove(id);
            let text = "the given shares do not belong together; all are thrown away, start again";
            return Err(Refused::Invalid(text.into()));
        }
        if progress.nonce.is_empty() {
            progress.nonce = uuid::Uuid::from_bytes(crypto::random()).to_string();
        }
        progress.shares.push(share);
        if progress.shares.len() < threshold {
            return Ok(None);
        }
        Ok(given.remove(id).map(|progress| progress.shares))
    }

    pub(super) async fn open_for_all(
        &self,
        above: &Namespace,
        record: NamespaceRecord,
        keys: TenantKeys,
    ) -> Result<(), Refused> {
        let Role::Active { term } = self.role() else {
            return Err(Refused::Invalid("leadership moved; give the shares again".into()));
        };
        let keyring = record.id.keyring().to_owned();
        let _opening = self.tenants.opening(&keyring);
        self.barrier.open_tenant(&keyring, keys).map_err(|_| storage::Access::Sealed)?;
        let committed = change_by(self, self.replication.now(), term, |state| {
            let mut txn = state.at(space::records(&above.id));
            match self.namespaces.get_for_update(&txn, &record.name)? {
                Some(now) if now.id == record.id && !now.doomed => self.namespaces.set_sealed(&mut txn, now, false),
                _ => Err(Refused::Invalid("the namespace is gone".into())),
            }
        });
        if let Err(problem) = committed.await {
            self.barrier.close_tenant(&keyring);
            return Err(Refused::Invalid(format!("the namespace stays sealed: {problem}; give the shares again")));
        }
        self.tenants.missed.lock().remove(&record.id);
        tracing::info!(namespace = format!("{}{}/", above.path, record.name), "a namespace is unsealed");
        Ok(())
    }

    /// Keeps the keys that this node has in step with what is open, until `stop` becomes true.
    pub async fn keep_tenants(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut seen = None;
        // Beside the loop: keys that are to go do not wait for keys that are asked for.
        let mut fetching: Option<JoinHandle<()>> = None;
        loop {
            let applied = self.store.applied();
            let waits = !self.tenants.missed.lock().is_empty();
            if !self.is_sealed() && (seen != Some(applied) || waits) {
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

    /// Asks for the keys of what is open and not here.
    async fn fetch_tenants(&self) -> Result<(), storage::Access> {
        let open = self.namespaces.open_ones(&self.local_view()?, None, PAGE)?;
        self.tenants.missed.lock().retain(|id, _| open.contains(id));
        for id in open {
            if !self.barrier.holds(id.keyring()) && self.tenants.may_ask(&id, self.stands_at(&id)) {
                self.fetch_tenant(&id).await;
            }
        }
        Ok(())
    }

    /// Forgets the keys of what is sealed by now, or gone.
    pub fn drop_closed_tenants(&self) -> Result<(), storage::Access> {
        let held = self.barrier.open_tenants();
        let opening = self.tenants.opening.lock().clone();
        // Behind both: what was held and is opened by nobody now is in this state, if it is open.
        let view = self.local_view()?;
        for keyring in held.into_iter().filter(|keyring| !opening.contains(keyring)) {
            let owner = NamespaceId::owner_of(&keyring).unwrap_or_default();
            let place = match self.namespaces.by_id(&view, &owner, &mut Vec::new()) {
                Ok(place) => place,
                // The others do not wait for it.
                Err(problem) => {
                    tracing::warn!(keyring, %problem, "whether a namespace is open could not be read");
                    continue;
                }
            };
            if !place.is_some_and(|place| place.namespace.id == owner && !place.is_sealed()) {
                self.barrier.close_tenant(&keyring);
                // What was decoded of it is nobody's business any more.
                self.forget_records();
                tracing::info!(keyring, "the keys of a namespace that is sealed, or gone, are forgotten");
            }
        }
        Ok(())
    }

    /// Gets the keys that a request waits for, if anybody has them. Answers whether they are here.
    pub(crate) async fn fetch_for(&self, place: &Place) -> bool {
        let owner = place.namespace.id.keyring_owner();
        if self.barrier.holds(owner.keyring()) {
            return true;
        }
        self.tenants.may_ask(&owner, self.stands_at(&owner))
            && timeout(ASK_MAX, self.fetch_tenant(&owner)).await.unwrap_or(false)
    }

    async fn fetch_tenant(&self, id: &NamespaceId) -> bool {
        let _asking = self.tenants.asking.lock().await;
        let at = self.stands_at(id);
        if self.barrier.holds(id.keyring()) {
            return true;
        }
        match self.borrow_tenant(id).await {
            Ok(member) => {
                self.tenants.missed.lock().remove(id);
                tracing::info!(namespace = id.as_str(), member, "the keys of a namespace came from another member");
                true
            }
            Err(problem) => {
                self.tenants.note_missed(id, at);
                tracing::debug!(namespace = id.as_str(), problem, "nobody has the keys of a namespace that is open");
                false
            }
        }
    }

    /// The revision of its record.
    fn stands_at(&self, id: &NamespaceId) -> Option<Revision> {
        let (view, mut seen) = (self.local_view().ok()?, Vec::new());
        self.namespaces.by_id(&view, id, &mut seen).ok()??;
        seen.last().and_then(|(_, revision)| *revision)
    }

    /// Answers who gave them.
    async fn borrow_tenant(&self, id: &NamespaceId) -> Result<String, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let keyring = self.keyring_of(id)?;
        let question = self.barrier.ask_for_tenant(id.as_str()).map_err(|e| text(&e))?;
        let sent = Bytes::from([&[QUESTION], question.as_slice()].concat());
        let asked = self.replication.ask_to_unseal(sent).await.map_err(|e| text(&e))?;
        let keys = self.barrier.borrow_tenant(&question, &asked.answer, &keyring).map_err(|e| text(&e))?;
        self.barrier.open_tenant(id.keyring(), keys).map_err(|e| text(&e))?;
        Ok(asked.name)
    }

    fn keyring_of(&self, id: &NamespaceId) -> Result<Vec<u8>, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let view = self.local_view().map_err(|e| text(&e))?;
        let place = self.namespaces.by_id(&view, id, &mut Vec::new()).map_err(|e| text(&e))?;
        let place = place.filter(|place| place.namespace.id == *id).ok_or("it is gone, or lies in a sealed one")?;
        let (Some(record), Some(above)) = (place.record(), place.above()) else { return Err("it is the root".into()) };
        let seal = self.namespaces.seal_of(&view.elsewhere(space::records(&above)), record).map_err(|e| text(&e))?;
        Ok(seal.keyring)
    }

    /// The root key of a namespace that is open, for an unsealed member. The error is for that member to read.
    pub(super) async fn lend_tenant(&self, from: u64, question: &[u8]) -> Result<Vec<u8>, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        // One that is cut off does not know who was removed since, or what was sealed.
        self.replication.read_point(Instant::now() + READ_MAX).await.map_err(|e| text(&e))?;
        if !self.replication.members().iter().any(|status| status.member.id == from) {
            return Err("the node that asks is no member".to_owned());
        }
        let question = question.get(1..).unwrap_or_default();
        let asked = self.barrier.tenant_asked_for(question).map_err(|e| text(&e))?;
        let id = NamespaceId::parse(&asked).ok_or("the question names no namespace")?;
        let view = self.local_view().map_err(|e| text(&e))?;
        let place = self.namespaces.by_id(&view, &id, &mut Vec::new()).map_err(|e| text(&e))?;
        if !place.is_some_and(|place| place.namespace.id == id && !place.is_sealed()) {
            return Err("the namespace is not open here".to_owned());
        }
        self.barrier.lend_tenant(id.keyring(), question).map_err(|e| text(&e))
    }

    pub(super) fn asks_for_tenant(question: &[u8]) -> bool {
        question.first() == Some(&QUESTION)
    }
}

/// What a question for the keys of a namespace begins with; one for the server's begins otherwise.
const QUESTION: u8 = 2;
