//! Two clusters in memory, of which one is the copy of the other: the copying is one step, and happens when the test says so.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use storage::{Batch, Class, Epoch, Millis, RawKey, RequestId, Revision, SealedStore, Step, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Alone;
use crate::dr::{
    Adopted, Change, CopyState, DrError, Enrolled, Enrolment, Link, PrimaryProgress, Secondary, SecondaryLag,
    SecondaryProgress, Standing,
};
use crate::lifecycle::Node;
use crate::replication::{Member, Replication};

#[derive(Default)]
pub struct Paired {
    standing: watch::Sender<Standing>,
    own: Mutex<Weak<Alone>>,
    /// The cluster that this one can reach.
    there: Mutex<Option<There>>,
    inner: Mutex<Inner>,
}

struct There {
    alone: Arc<Alone>,
    node: Weak<Node>,
    link: Arc<Paired>,
}

#[derive(Default)]
struct Inner {
    /// By the hash of the secret.
    invited: Vec<([u8; 32], String)>,
    adopted: Option<Adopted>,
    copying: bool,
}

impl Paired {
    pub(super) fn belongs_to(&self, alone: &Arc<Alone>) {
        *self.own.lock() = Arc::downgrade(alone);
    }

    /// From now on it can reach that cluster.
    pub fn reaches(&self, alone: &Arc<Alone>, node: &Arc<Node>, link: &Arc<Paired>) {
        *self.there.lock() =
            Some(There { alone: Arc::clone(alone), node: Arc::downgrade(node), link: Arc::clone(link) });
    }

    /// The copy arrives, and takes the place of what was there.
    pub fn copy(&self) {
        let there = self.there.lock();
        let (Some(there), Some(own)) = (&*there, self.own.lock().upgrade()) else { return };
        let adopted = {
            let mut inner = self.inner.lock();
            inner.copying = false;
            inner.adopted.take().unwrap_or_default()
        };
        let Ok(snapshot) = there.alone.store.snapshot() else { return };
        let mut records = Vec::new();
        let all = RawKey::root(Class::Replicated);
        let walked = snapshot.walk(&all, None, &mut |key, stored| {
            records.push((RawKey::parse(key.to_vec()).map_err(|e| StoreError::Corrupt(e.to_string()))?, stored));
            Ok(Step::Next)
        });
        if walked.is_err() {
            return;
        }
        let mut on_top = Batch::new(RequestId { applied: 0, random: [0; 16] }, Millis(0));
        (on_top.puts, on_top.prefix_deletes) = (adopted.puts, adopted.prefix_deletes);
        own.store.replace_on(records, snapshot.revision(), on_top);
        own.epoch.send_replace(snapshot.revision().epoch);
    }

    /// A new line of history, on what there is.
    fn new_line(&self) {
        let Some(own) = self.own.lock().upgrade() else { return };
        let Ok(snapshot) = own.store.snapshot() else { return };
        let Revision { epoch, n } = snapshot.revision();
        let epoch = Epoch { number: epoch.number + 1, bits: u64::from_be_bytes(crypto::random()) };
        own.store.begin_line(Revision { epoch, n });
        own.epoch.send_replace(epoch);
    }
}

fn refused<T>(text: &str) -> Result<T, DrError> {
    Err(DrError::Refused(text.to_owned()))
}

#[async_trait]
impl Link for Paired {
    fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    fn secondary_progress(&self) -> Option<SecondaryProgress> {
        let Standing::Secondary { primary, .. } = &*self.standing.borrow() else { return None };
        let copying = self.inner.lock().copying;
        let state = match (copying, primary.is_empty()) {
            (_, true) => CopyState::Idle,
            (true, _) => CopyState::Copying,
            (false, _) => CopyState::Following,
        };
        let revision = self.own.lock().upgrade()?.store.snapshot().ok()?.revision();
        let (behind, lag) = (Some(0), Some(std::time::Duration::from_millis(7)));
        Some(SecondaryProgress { state, revision, behind, lag, ..SecondaryProgress::default() })
    }

    fn primary_progress(&self) -> Option<PrimaryProgress> {
        let Standing::Primary { secondaries } = &*self.standing.borrow() else { return None };
        let revision = self.own.lock().upgrade()?.store.snapshot().ok()?.revision();
        let lag = |known: &Secondary| SecondaryLag {
            id: known.id.clone(),
            asking: None,
            last_contact: None,
            clock_skew_ms: None,
            acknowledged: Some(revision),
            behind: Some(0),
            lag: None,
        };
        Some(PrimaryProgress { revision, feed_bytes: 0, secondaries: secondaries.iter().map(lag).collect() })
    }

    async fn change(&self, change: Change, _deadline: Instant) -> Result<(), DrError> {
        let now = self.standing.borrow().clone();
        let next = match (change, now) {
            (Change::EnablePrimary, Standing::Alone) => Standing::Primary { secondaries: Vec::new() },
            (Change::DisablePrimary, Standing::Primary { .. }) => Standing::Alone,
            (Change::Demote, Standing::Primary { .. }) => {
                Standing::Secondary { id: String::new(), primary: Vec::new(), fenced: false }
            }
            (Change::Invite { id, secret_sha256, expires }, Standing::Primary { mut secondaries }) => {
                self.inner.lock().invited.push((secret_sha256, id.clone()));
                secondaries.retain(|known| known.id != id);
                secondaries.push(Secondary { id, enrolment: Enrolment::Invited { expires } });
                Standing::Primary { secondaries }
            }
            (Change::Revoke { id }, Standing::Primary { mut secondaries }) => {
                secondaries.retain(|known| known.id != id);
                Standing::Primary { secondaries }
            }
            (Change::Follow { id, primary, adopted, .. }, Standing::Alone | Standing::Secondary { .. }) => {
                let mut inner = self.inner.lock();
                if adopted.is_some() {
                    (inner.copying, inner.adopted) = (true, adopted);
                }
                Standing::Secondary { id, primary, fenced: false }
            }
            (Change::Readdress { .. }, now @ Standing::Secondary { .. }) => now,
            (Change::Promote { .. }, Standing::Secondary { .. }) if self.inner.lock().copying => {
                return Err(DrError::Unavailable("the first copy is not complete".to_owned()));
            }
            (Change::Promote { .. }, Standing::Secondary { .. }) => {
                self.new_line();
                Standing::Primary { secondaries: Vec::new() }
            }
            (Change::Leave, Standing::Secondary { .. }) => {
                self.new_line();
                Standing::Alone
            }
            (_, now) => return refused(&format!("this cluster is {now:?}")),
        };
        self.standing.send_replace(next);
        Ok(())
    }

    async fn enroll(
        &self,
        _primary: &[Member],
        secret: [u8; 32],
        question: Bytes,
        _deadline: Instant,
    ) -> Result<Enrolled, DrError> {
        let (primary, node, link) = match &*self.there.lock() {
            Some(there) => (Arc::clone(&there.alone), there.node.upgrade(), Arc::clone(&there.link)),
            None => return Err(DrError::Unavailable("the primary is not reached".to_owned())),
        };
        let hash = crypto::sha256(&secret);
        let found = {
            let mut inner = link.inner.lock();
            let at = inner.invited.iter().position(|(known, _)| *known == hash);
            at.map(|at| inner.invited.remove(at).1)
        };
        let Some(id) = found else { return refused("the activation token counts no more") };
        link.standing.send_modify(|standing| {
            if let Standing::Primary { secondaries } = standing {
                let known = secondaries.iter_mut().filter(|known| known.id == id);
                known.for_each(|known| known.enrolment = Enrolment::Enrolled { members: Vec::new() });
            }
        });
        let asker = self.own.lock().upgrade().map_or(0, |own| own.joining().id);
        let Some(node) = node else { return Err(DrError::Unavailable("the primary is not there".to_owned())) };
        let welcome = node.welcome(&id, asker, &question).await.map_err(DrError::Refused)?;
        let by = primary.joining();
        Ok(Enrolled { id, by: by.id, primary: vec![by], reign: 1, welcome: Bytes::from(welcome) })
    }
}
