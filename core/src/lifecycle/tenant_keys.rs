//! Keys of namespaces with seals of their own, from one member to another.
//!
//! They are asked for beside the requests that wait for them: all that wait for one namespace wait for the same answer, none
//! waits for another one's, and that nobody had the keys is remembered whoever has stopped waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, stream};
use parking_lot::Mutex;
use sdk::{Map, NamespaceId, Value};
use storage::{Access, Revision};
use tokio::time::{Instant, timeout};

use super::Node;
use crate::namespace::{DEPTH_MAX, Doomed, Place, stored_keyring};

/// How often one that nobody has keys for is asked about again.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// How long a request waits for the members.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// How long the members may take in all.
const ASK_MAX: Duration = Duration::from_secs(10);
/// How long the one that is asked may take to make sure who is a member.
const READ_MAX: Duration = Duration::from_secs(3);
/// Namespaces whose keys are asked for at once, by requests and besides.
const FETCHES_MAX: usize = 256;
/// Of them those that no request waits for.
const IN_BACKGROUND: usize = 8;
/// Namespaces that were just opened, whose keys are asked for without waiting for those of others.
const NEW_AT_ONCE: usize = 64;
/// Namespaces that are read at once.
const PAGE: usize = 1_000;

/// Where keys are that were wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    Here,
    /// What they open is open by its record, but they did not come.
    Elsewhere,
    /// It is sealed, or is not there.
    Nowhere,
}

/// Whether the keys came.
type Fetch = Shared<BoxFuture<'static, bool>>;

#[derive(Default)]
pub(super) struct Fetches {
    under_way: Mutex<BTreeMap<NamespaceId, Fetch>>,
    /// When nobody had the keys of one.
    missed: Mutex<BTreeMap<NamespaceId, Missed>>,
}

struct Missed {
    /// Where its record stood: opened anew, somebody has its keys.
    at: Option<Revision>,
    again: Instant,
    pause: Duration,
}

impl Fetches {
    pub fn forget(&self) {
        self.missed.lock().clear();
    }

    /// Whether members were asked for these keys in vain.
    pub fn nobody_has(&self, id: &NamespaceId) -> bool {
        self.missed.lock().contains_key(id)
    }

    /// Its keys are here.
    pub fn came(&self, id: &NamespaceId) {
        self.missed.lock().remove(id);
    }

    pub fn has_missed(&self) -> bool {
        !self.missed.lock().is_empty()
    }

    /// Whether it is time to ask for these keys.
    fn may_ask(&self, id: &NamespaceId, at: Option<Revision>) -> bool {
        self.missed.lock().get(id).is_none_or(|missed| missed.at != at || missed.again <= Instant::now())
    }

    /// Whether they were asked for in vain since it was opened.
    fn was_missed(&self, id: &NamespaceId, at: Option<Revision>) -> bool {
        self.missed.lock().get(id).is_some_and(|missed| missed.at == at)
    }

    fn note_missed(&self, id: &NamespaceId, at: Option<Revision>) {
        let mut missed = self.missed.lock();
        let before = missed.get(id).filter(|missed| missed.at == at);
        let pause = before.map_or(RETRY_FIRST, |missed| (missed.pause * 2).min(RETRY_LAST));
        missed.insert(id.clone(), Missed { at, again: Instant::now() + pause, pause });
    }
}

/// However asking ends, the next one asks anew.
struct UnderWay(Arc<Node>, NamespaceId);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.tenants.fetches.under_way.lock().remove(&self.1);
    }
}

impl Node {
    /// Asks for the keys of what is open and not here, and was not asked for in vain. Answers what else is to be asked for.
    pub(super) fn fetch_new_tenants(self: &Arc<Self>) -> Result<Vec<NamespaceId>, Access> {
        let (mut new, others) = self.lacking()?;
        let later = new.split_off(NEW_AT_ONCE.min(new.len()));
        for id in new {
            // It goes on by itself.
            drop(self.fetch(&id));
        }
        Ok(later.into_iter().chain(others).collect())
    }

    /// What is open, is not here, and may be asked for: for the first time since it was opened, and again.
    fn lacking(&self) -> Result<(Vec<NamespaceId>, Vec<NamespaceId>), Access> {
        let (mut open, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.namespaces.open_ones(&self.local_view()?, after.as_ref(), PAGE)?;
            let full = page.len() == PAGE;
            after = page.last().cloned();
            open.extend(page);
            if !full {
                break;
            }
        }
        let fetches = &self.tenants.fetches;
        fetches.missed.lock().retain(|id, _| open.contains(id));
        let lacking = open.into_iter().filter(|id| !self.barrier.holds(id.keyring()));
        let asked = lacking.map(|id| (self.stands_at(&id), id)).filter(|(at, id)| fetches.may_ask(id, *at));
        let (new, again): (Vec<_>, Vec<_>) = asked.partition(|(at, id)| !fetches.was_missed(id, *at));
        let ids = |asked: Vec<(Option<Revision>, NamespaceId)>| asked.into_iter().map(|(_, id)| id).collect();
        Ok((ids(new), ids(again)))
    }

    /// A few at once.
    pub(super) async fn fetch_all(self: &Arc<Self>, asked: Vec<NamespaceId>) {
        let fetches = asked.into_iter().map(|id| {
            let node = Arc::clone(self);
            async move {
                if let Some(fetch) = node.fetch(&id) {
                    fetch.await;
                }
            }
        });
        stream::iter(fetches).buffer_unordered(IN_BACKGROUND).collect::<()>().await;
    }

    /// Has the keys of this name come here, if they are wanted and anybody has them, as those of the namespaces that theirs lies in.
    pub(crate) async fn bring_keys(self: &Arc<Self>, keyring: &str, waits: impl Fn()) -> Brought {
        let Some(owner) = NamespaceId::owner_of(keyring) else { return Brought::Nowhere };
        for _ in 0..=DEPTH_MAX {
            let place = self.local_view().and_then(|view| self.namespaces.by_id(&view, &owner, &mut Vec::new()));
            let Ok(Some(place)) = place else { return Brought::Nowhere };
            if !place.is_sealed() {
                return Brought::Here;
            }
            if !place.lacks_keys() {
                return Brought::Nowhere;
            }
            if !self.fetch_for(&place, &waits).await {
                return Brought::Elsewhere;
            }
        }
        Brought::Elsewhere
    }

    /// The same for one namespace, where that may be.
    pub async fn bring_tenant(self: &Arc<Self>, id: &NamespaceId) {
        self.bring_keys(id.keyring(), || {}).await;
    }

    /// Gets the keys that a request waits for, if anybody has them. Answers whether they are here. `waits` is called before a
    /// member is waited for, and only then.
    pub(crate) async fn fetch_for(self: &Arc<Self>, place: &Place, waits: impl Fn()) -> bool {
        let owner = place.namespace.id.keyring_owner();
        if self.barrier.holds(owner.keyring()) {
            return true;
        }
        if !self.tenants.fetches.may_ask(&owner, self.stands_at(&owner)) {
            return false;
        }
        match self.fetch(&owner) {
            Some(fetch) => {
                waits();
                timeout(WAIT_MAX, fetch).await.unwrap_or(false)
            }
            None => false,
        }
    }

    /// The asking that is under way for these keys, or a new one. `None`: too much is under way.
    fn fetch(self: &Arc<Self>, id: &NamespaceId) -> Option<Fetch> {
        let mut under_way = self.tenants.fetches.under_way.lock();
        if let Some(fetch) = under_way.get(id) {
            return Some(fetch.clone());
        }
        if under_way.len() >= FETCHES_MAX {
            return None;
        }
        let (node, owner) = (Arc::clone(self), id.clone());
        let asking = tokio::spawn(async move {
            let _under_way = UnderWay(Arc::clone(&node), owner.clone());
            node.fetch_tenant(&owner).await
        });
        let fetch = async move { asking.await.unwrap_or(false) }.boxed().shared();
        under_way.insert(id.clone(), fetch.clone());
        Some(fetch)
    }

    async fn fetch_tenant(self: &Arc<Self>, id: &NamespaceId) -> bool {
        let at = self.stands_at(id);
        if self.barrier.holds(id.keyring()) {
            return true;
        }
        let borrowed = timeout(ASK_MAX, self.borrow_tenant(id)).await;
        match borrowed.unwrap_or_else(|_| Err("the members do not answer".to_owned())) {
            Ok(member) => {
                // Sealed meanwhile, nobody looks at it again until something else changes.
                if let Err(problem) = self.drop_closed_tenants() {
                    tracing::warn!(%problem, "whether a namespace is still open could not be read");
                }
                self.tenants.fetches.came(id);
                self.say_held(id);
                let namespace = self.path_of(id);
                tracing::info!(namespace, member, "the keys of a namespace came from another member");
                true
            }
            Err(problem) => {
                self.tenants.fetches.note_missed(id, at);
                let namespace = self.path_of(id);
                tracing::debug!(namespace, problem, "nobody has the keys of a namespace that is open");
                false
            }
        }
    }

    /// For the log: where a namespace is, or its id where that is not known.
    pub(super) fn path_of(&self, id: &NamespaceId) -> String {
        let path = || -> Result<Option<String>, Access> {
            let view = self.local_view()?;
            let place = self.namespaces.by_id(&view, id, &mut Vec::new())?;
            match place.filter(|place| place.namespace.id == *id) {
                Some(place) => Ok(Some(place.namespace.path.clone())),
                None => Ok(Doomed::of(&view, id)?.map(|doomed| doomed.path)),
            }
        };
        path().ok().flatten().unwrap_or_else(|| id.as_str().to_owned())
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
        self.hold_tenant(id, keys).map_err(|e| text(&e))?;
        Ok(asked.name)
    }

    fn keyring_of(&self, id: &NamespaceId) -> Result<Vec<u8>, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let stored = self.local_view().and_then(|view| stored_keyring(&view, id)).map_err(|e| text(&e))?;
        stored.ok_or_else(|| "it is gone".to_owned())
    }

    /// The root key of a namespace that is open, or was when it was doomed, for an unsealed member. The error is for that member to read.
    pub(super) async fn lend_tenant(&self, from: u64, question: &[u8]) -> Result<Vec<u8>, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let question = question.get(1..).unwrap_or_default();
        let asked = self.barrier.tenant_asked_for(question).map_err(|e| text(&e))?;
        let id = NamespaceId::parse(&asked).ok_or("the question names no namespace")?;
        // One that has none need not find out whether it may give them.
        if !self.barrier.holds(id.keyring()) {
            return Err("the namespace is not open here".to_owned());
        }
        // One that is cut off does not know who was removed since, or what was sealed.
        let now = self.replication.read_point(Instant::now() + READ_MAX).await.map_err(|e| text(&e))?;
        let members = self.replication.members();
        let member = members.iter().find(|status| status.member.id == from).ok_or("the node that asks is no member")?;
        let view = self.local_view().map_err(|e| text(&e))?;
        if !self.keeps(&view, id.keyring()).map_err(|e| text(&e))? {
            return Err("the namespace is not open here".to_owned());
        }
        let answer = self.barrier.lend_tenant(id.keyring(), question).map_err(|e| text(&e))?;
        let told = async {
            self.audit.refresh(&self.store.snapshot().map_err(|e| text(&e))?).map_err(|e| text(&e))?;
            let facts = Map::from_iter([
                ("member".to_owned(), Value::from(member.member.name.clone())),
                ("raft_id".to_owned(), format!("{from:016x}").into()),
                ("namespace_id".to_owned(), id.as_str().into()),
                ("namespace_path".to_owned(), self.path_of(&id).into()),
            ]);
            self.audit.event(now, "unseal-namespace-member", facts).await.map_err(|e| text(&e))
        };
        told.await.map_err(|problem| format!("it could not write its audit entry: {problem}"))?;
        Ok(answer)
    }
}

/// What a question for the keys of a namespace begins with; one for the server's begins otherwise.
pub(super) const QUESTION: u8 = 2;
