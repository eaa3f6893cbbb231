//! The worker of the active node: removes what is due, in the order of time, in batches of a bounded size.
//!
//! Nothing waits for it: a token past its time counts no more wherever it is used, and so does one whose ancestor is
//! gone. It starts anywhere in the index, so becoming active costs nothing, however many leases there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sdk::NamespaceId;
use storage::{Access, CommitError, Epoch, Millis, Path, PathKey, Read, Revision, Term, TxnState, View};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::change::change;
use crate::chores;
use crate::due::{self, Due};
use crate::identity::mfa;
use crate::lifecycle::Node;
use crate::namespace::Doomed;
use crate::policies::Policies;
use crate::quota::{self, leases};
use crate::replication::Role;
use crate::token::{HALVINGS, SWEEP_MAX, halved};
use crate::{lockout, space};

/// Between two looks when nothing is due sooner.
const IDLE: Duration = Duration::from_secs(1);
/// How long the leader's lease may take to be confirmed.
const READ_MAX: Duration = Duration::from_secs(10);
/// Entries of the index that one look takes.
const PAGE: usize = 64;
/// How often the index is looked at from its beginning. An entry may come in late, with a time of before it waited.
const AFRESH: Duration = Duration::from_secs(300);
/// How long a node that has just come to lead waits for keys of a namespace that is to be removed: what it has given ends by them.
const KEYS_WAIT: Duration = Duration::from_secs(60);
/// Between two times of telling the audit log what could not be noted as told.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Works until `stop` becomes true.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut worker = Worker {
        node,
        led: None,
        since: Instant::now(),
        noted: None,
        version_noted: None,
        untold: None,
        lanes: BTreeMap::new(),
        removing: None,
        doomed_after: None,
        settling: None,
        removing_fit: Fit::default(),
        settling_fit: Fit::default(),
    };
    while !*stop.borrow() {
        let pause = match worker.look().await {
            Ok(pause) => pause,
            Err(problem) => {
                tracing::warn!(problem, "what is due could not be swept away; it is tried again");
                IDLE
            }
        };
        if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Entries of the index, by the namespace and the kind of mount that they are to wake.
type Woken = BTreeMap<(NamespaceId, String), Vec<PathKey>>;

struct Worker {
    node: Arc<Node>,
    /// The term and the line of history that the lanes are from: another leader, or a restore, may have put in earlier
    /// entries.
    led: Option<(Term, Epoch)>,
    since: Instant,
    /// In which term it was made sure that a recovery is told of.
    noted: Option<Term>,
    /// In which term, and on which line of history, it was made sure that this version is known.
    version_noted: Option<(Term, Epoch)>,
    /// When telling of a recovery failed last.
    untold: Option<Instant>,
    /// By the namespace that brought the keyring: the server's own, and those that are open.
    lanes: BTreeMap<NamespaceId, Lane>,
    /// The namespace that is being removed, and up to where its leases are.
    removing: Option<(NamespaceId, Option<PathKey>)>,
    /// Behind which doomed ones are looked for.
    doomed_after: Option<NamespaceId>,
    settling: Option<Settling>,
    removing_fit: Fit,
    settling_fit: Fit,
}

/// A way through leases that quotas are to count.
struct Settling {
    what: Settled,
    at: NamespaceId,
    after: Option<PathKey>,
}

#[derive(PartialEq, Eq)]
enum Settled {
    /// What a rule says that is settling, and its mount, if it is of one.
    Rule { rule: String, mount: String },
    /// A namespace that was sealed when leases were looked through.
    Unseen(NamespaceId),
}

type RelyOn = Vec<(Path, Option<Revision>)>;

/// How often batches of one kind are halved at present. Each kind has its own: what is small elsewhere says nothing of it.
#[derive(Clone, Copy, Default)]
struct Fit(u32);

/// The way through one index.
struct Lane {
    fit: Fit,
    /// Up to where it is done with: what was deleted is not walked over again.
    after: Option<PathKey>,
    began: Instant,
}

impl Fit {
    /// Whether the batch was committed. One that was too large is tried again by halves; then they grow again.
    fn of(&mut self, done: Result<Vec<i64>, CommitError>) -> Result<bool, String> {
        match done {
            Ok(_) => {
                self.0 = self.0.saturating_sub(1);
                Ok(true)
            }
            Err(CommitError::TooLarge { .. }) if self.0 < HALVINGS => {
                self.0 += 1;
                Ok(false)
            }
            Err(problem) => Err(problem.to_string()),
        }
    }
}

impl Worker {
    /// Does what is due, and tells how long there is nothing.
    async fn look(&mut self) -> Result<Duration, String> {
        let Role::Active { term } = self.node.role() else { return Ok(IDLE) };
        if !self.node.writes() {
            return Ok(IDLE);
        }
        let led = Some((term, *self.node.replication.epoch().borrow()));
        if self.led != led {
            (self.led, self.since) = (led, Instant::now());
            self.lanes.clear();
            self.settling = None;
        }
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        let deadline = Instant::now() + READ_MAX;
        let now = self.node.replication.read_point(deadline).await.map_err(|e| text(&e))?;
        if self.noted != Some(term) && self.untold.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
            match self.node.note_recovery(term, now).await {
                Ok(()) => self.noted = Some(term),
                // What is due does not wait for it.
                Err(problem) => {
                    tracing::warn!(problem, "the audit log could not be told of the recovery yet");
                    self.untold = Some(Instant::now());
                }
            }
        }
        if self.version_noted != led {
            match self.node.note_version(term, now).await {
                Ok(()) => self.version_noted = led,
                Err(problem) => tracing::debug!(problem, "this version is not noted yet"),
            }
        }
        let (mut pause, mut failed) = (IDLE, None);
        // What is due goes on beside it.
        match self.remove_namespace(term, now).await {
            Ok(true) => pause = Duration::ZERO,
            Ok(false) => {}
            Err(problem) => tracing::warn!(problem, "a namespace could not be removed yet; it is tried again"),
        }
        for owner in self.keyrings() {
            match self.go_on(&owner, term, now).await {
                Ok(lane) => pause = pause.min(lane),
                // Nothing of one holds up the others: it may have been sealed just now.
                Err(problem) if !owner.is_root() => tracing::debug!(problem, "what is due in a namespace waits"),
                Err(problem) => failed = Some(problem),
            }
        }
        if !pause.is_zero()
            && let Some(settled) = self.settle_quotas(term, now).await?
        {
            self.settling_fit.of(settled)?;
            pause = Duration::ZERO;
        }
        match failed {
            Some(problem) => Err(problem),
            None => Ok(pause),
        }
    }

    /// Whose indexes can be read.
    fn keyrings(&mut self) -> Vec<NamespaceId> {
        let tenants = self.node.barrier.open_tenants().into_iter();
        let tenants = tenants.filter_map(|(keyring, _)| NamespaceId::owner_of(&keyring));
        let all: Vec<NamespaceId> = [NamespaceId::root()].into_iter().chain(tenants).collect();
        self.lanes.retain(|owner, _| all.contains(owner));
        all
    }

    /// Does a page of what is due in one index, and tells how long there is nothing.
    async fn go_on(&mut self, owner: &NamespaceId, term: Term, now: Millis) -> Result<Duration, String> {
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        let fresh = |fit| Lane { fit, after: None, began: Instant::now() };
        let lane = self.lanes.entry(owner.clone()).or_insert_with(|| fresh(Fit::default()));
        if lane.began.elapsed() >= AFRESH {
            *lane = fresh(lane.fit);
        }
        let (mut fit, after) = (lane.fit, lane.after.clone());
        let view = self.node.local_view().map_err(|e| text(&e))?;
        // Keys may be held a moment longer than it is served; nothing of it is changed then.
        let Some(rely_on) = self.relied_on(&view, owner).map_err(|e| text(&e))? else { return Ok(IDLE) };
        if let Some(swept) = self.sweep(owner, fit, term, now).await? {
            let done = fit.of(swept);
            self.note(owner, fit, None);
            return done.map(|_| Duration::ZERO);
        }
        let order = view.elsewhere(space::schedule(owner));
        let page = due::next(&order, after.as_ref(), halved(PAGE, fit.0)).map_err(|e| text(&e))?;
        let ready: Vec<PathKey> = page.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect();
        let Some(last) = ready.last().cloned() else {
            return Ok(page.first().map_or(IDLE, |(at, _)| now.until(*at).min(IDLE)));
        };
        let mut woken = Woken::new();
        let mut broken = None;
        let change = change(&self.node, now, term, |state| {
            rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
            let settled = self.settle(state, owner, &ready, now, fit, &mut woken);
            settled.inspect_err(|problem| broken = matches!(problem, Access::Broken(_)).then(|| problem.to_string()))
        });
        let done = match (change.await, broken) {
            (Err(_), Some(problem)) => self.step_over(owner, &ready, problem),
            (done, _) => {
                let done = fit.of(done);
                let done_with = if matches!(done, Ok(true)) { Some(last) } else { None };
                self.note(owner, fit, done_with);
                done
            }
        };
        if done? {
            for ((namespace, kind), entries) in &woken {
                if let Err(problem) = chores::awake(&self.node, namespace, kind, entries, now, term).await {
                    tracing::warn!(mount = kind, problem, "what is due could not be done; it is tried again later");
                }
            }
        }
        Ok(Duration::ZERO)
    }

    /// What cannot be read does not stand before the rest: it is looked for one by one, and left behind until the lane begins
    /// afresh.
    fn step_over(&mut self, owner: &NamespaceId, ready: &[PathKey], problem: String) -> Result<bool, String> {
        let alone = ready.len() == 1;
        let smallest = Fit(HALVINGS);
        self.note(owner, smallest, ready.first().filter(|_| alone).cloned());
        if alone {
            tracing::error!(problem, namespace = owner.as_str(), "something that is due cannot be read; it is left");
        }
        Ok(false)
    }

    /// How far a lane has come.
    fn note(&mut self, owner: &NamespaceId, fit: Fit, done_with: Option<PathKey>) {
        if let Some(lane) = self.lanes.get_mut(owner) {
            lane.fit = fit;
            lane.after = done_with.or_else(|| lane.after.take());
        }
    }
    /// What is no record's end is left to be done afterwards: into `woken` come its entries, by who is to be asked.
    fn settle(
        &self,
        state: &mut TxnState,
        owner: &NamespaceId,
        ready: &[PathKey],
        now: Millis,
        fit: Fit,
        woken: &mut Woken,
    ) -> Result<(), Access> {
        let mut order = state.at(space::schedule(owner));
        let mut budget = halved(SWEEP_MAX, fit.0);
        for key in ready {
            match order.get::<Due>(key)? {
                Some(Due::Token(token)) => self.node.tokens.expire(&mut order, &token, now, &mut budget)?,
                Some(Due::Lockout { namespace, mount, alias }) => {
                    lockout::expire(&mut order.elsewhere(space::records(&namespace)), &mount, &alias, now)?;
                }
                Some(Due::MfaLogin { namespace, entity, id }) => {
                    mfa::expire(&mut order.elsewhere(space::records(&namespace)), &entity, &id)?;
                }
                Some(Due::Chore { namespace, kind }) => {
                    woken.entry((namespace, kind)).or_default().push(key.clone());
                    continue;
                }
                Some(Due::Policy { namespace, name }) => {
                    Policies::expire(&mut order.elsewhere(space::records(&namespace)), &name, now)?;
                }
                None => {}
            }
            order.delete(key);
        }
        Ok(())
    }

    /// Goes on removing a namespace, if one is doomed: first what ends its leases, page by page, then all that it has.
    /// Answers whether there is more.
    async fn remove_namespace(&mut self, term: Term, now: Millis) -> Result<bool, String> {
        let Some(doomed) = self.doomed().map_err(|e| e.to_string())? else {
            self.removing = None;
            return Ok(false);
        };
        let after = self.removing.take().filter(|(known, _)| *known == doomed.id).and_then(|(_, after)| after);
        let (mut next, mut through) = (None, false);
        let done = change(&self.node, now, term, |state| {
            let mut records = state.at(space::records(&doomed.id));
            // What a sealed one has given cannot be seen, and ends with it; and so does that of one whose keys nobody has any more.
            if !doomed.sealed && self.node.barrier.holds(doomed.id.keyring()) {
                next = self.node.tokens.revoke_leases(&mut records, "", after.as_ref(), self.removing_fit.0)?.next;
            }
            if next.is_some() {
                return Ok(());
            }
            let below = doomed.remove_below(&mut records)?;
            below.iter().filter(|id| id.owns_keyring()).try_for_each(|id| leases::gone_unseen(&mut records, id))?;
            if !below.is_empty() {
                return Ok(());
            }
            through = true;
            if doomed.id.owns_keyring() {
                leases::gone_unseen(&mut records, &doomed.id)?;
            }
            quota::namespace_removed(&mut records, &doomed.path)?;
            doomed.remove(&self.node.mounts, &mut records)
        });
        let done = done.await;
        match &done {
            Ok(_) if through => tracing::info!(namespace = doomed.path, "a namespace was removed"),
            Ok(_) => self.removing = Some((doomed.id, next)),
            // One that cannot be removed does not stand before the others.
            Err(CommitError::Unavailable(_)) => {
                self.doomed_after = Some(doomed.id);
            }
            Err(_) => self.removing = Some((doomed.id, after)),
        }
        match done {
            Err(CommitError::Conflict { .. }) => Ok(true),
            done => self.removing_fit.of(done).map(|_| true),
        }
    }

    /// The first that can be removed. Each look goes on behind those that the one before
    /// has found waiting.
    fn doomed(&mut self) -> Result<Option<Doomed>, Access> {
        let view = self.node.local_view()?;
        if let Some((known, _)) = &self.removing
            && let Some(doomed) = Doomed::of(&view, known)?
            && self.can_go(&doomed)
        {
            return Ok(Some(doomed));
        }
        for _ in 0..PAGE {
            let Some(doomed) = Doomed::next(&view, self.doomed_after.as_ref())? else {
                self.doomed_after = None;
                return Ok(None);
            };
            if self.can_go(&doomed) {
                return Ok(Some(doomed));
            }
            self.doomed_after = Some(doomed.id);
        }
        Ok(None)
    }

    /// Whether there is nothing to wait for: what it lies in is open here, and its keys are here if they are to come.
    fn can_go(&self, doomed: &Doomed) -> bool {
        let holds = |id: &NamespaceId| self.node.barrier.holds(id.keyring());
        holds(&doomed.above) && (doomed.sealed || holds(&doomed.id) || self.since.elapsed() >= KEYS_WAIT)
    }

    /// Goes on counting the leases that a quota has found, if there is one, and those that no quota could see.
    async fn settle_quotas(
        &mut self,
        term: Term,
        now: Millis,
    ) -> Result<Option<Result<Vec<i64>, CommitError>>, String> {
        let text = |problem: Access| problem.to_string();
        let view = self.node.local_view().map_err(text)?;
        let Some(what) = self.to_settle(&view).map_err(text)? else {
            self.settling = None;
            return Ok(None);
        };
        let known = self.settling.take().filter(|settling| settling.what == what);
        let mut settling = match known {
            Some(settling) => settling,
            None => Settling { at: self.first_to_settle(&view, &what), what, after: None },
        };
        let before = (settling.at.clone(), settling.after.clone());
        let done = change(&self.node, now, term, |state| self.settle_on(state, &view, &mut settling));
        let done = done.await;
        // What is not known to be counted is looked at again: who is marked as counted is not counted twice.
        if done.is_err() {
            (settling.at, settling.after) = before;
        }
        self.settling = Some(settling);
        Ok(Some(match done {
            Err(CommitError::Conflict { .. }) => Ok(Vec::new()),
            done => done,
        }))
    }

    /// What leases are to be looked through: for a rule, or of a namespace that was sealed when others were.
    fn to_settle(&self, view: &View) -> Result<Option<Settled>, Access> {
        if let Some((rule, scope)) = leases::unsettled(view)? {
            return Ok(Some(Settled::Rule { rule, mount: scope.mount }));
        }
        let mut after = None;
        loop {
            let page = leases::all_unseen(view, after.as_ref(), PAGE)?;
            for owner in &page {
                if self.relied_on(view, owner)?.is_some() {
                    return Ok(Some(Settled::Unseen(owner.clone())));
                }
            }
            if page.len() < PAGE {
                return Ok(None);
            }
            after = page.into_iter().last();
        }
    }

    /// The namespace to begin with, and whose mount it is.
    fn first_to_settle(&self, view: &View, what: &Settled) -> NamespaceId {
        match what {
            Settled::Rule { mount, .. } if !mount.is_empty() => self.mount_at(view, mount).0,
            _ => NamespaceId::root(),
        }
    }

    /// Where a mount is whose path is from the root: the namespace, and the path in it.
    fn mount_at(&self, view: &View, mount: &str) -> (NamespaceId, String) {
        let found = self.node.namespaces.address(&self.node.mounts, view, "", mount, &mut Vec::new());
        match found.ok().filter(|address| address.mount.is_some()) {
            Some(address) => (address.place.namespace.id.clone(), address.path),
            None => (NamespaceId::root(), mount.to_owned()),
        }
    }

    /// Looks through a page of leases, and goes on to the next namespace when there is no more.
    fn settle_on(&self, state: &mut TxnState, view: &View, settling: &mut Settling) -> Result<(), Access> {
        let mut at_root = state.at(space::records(&NamespaceId::root()));
        for _ in 0..PAGE {
            let ours = match &settling.what {
                Settled::Unseen(owner) => settling.at.keyring() == owner.keyring(),
                Settled::Rule { .. } => true,
            };
            if ours && self.relied_on(view, &settling.at.keyring_owner())?.is_some() {
                let mount = match &settling.what {
                    Settled::Rule { mount, .. } if !mount.is_empty() => self.mount_at(view, mount).1,
                    _ => String::new(),
                };
                let mut records = at_root.elsewhere(space::records(&settling.at));
                let after = settling.after.as_ref();
                settling.after = self.node.tokens.settle_leases(&mut records, &mount, after, self.settling_fit.0)?;
                if settling.after.is_some() {
                    return Ok(());
                }
            } else if ours {
                leases::unseen(&mut at_root, &settling.at.keyring_owner())?;
            }
            let only_one = matches!(&settling.what, Settled::Rule { mount, .. } if !mount.is_empty());
            match self.node.namespaces.behind(view, &settling.at)?.filter(|_| !only_one) {
                Some(next) => settling.at = next,
                None => {
                    return match &settling.what {
                        Settled::Rule { rule, .. } => leases::settled(&mut at_root, rule),
                        Settled::Unseen(owner) => {
                            leases::seen(&mut at_root, owner);
                            Ok(())
                        }
                    };
                }
            }
        }
        Ok(())
    }

    /// The records that say that what has this keyring is served. `None`: it is sealed, or gone.
    fn relied_on(&self, view: &View, owner: &NamespaceId) -> Result<Option<RelyOn>, Access> {
        self.node.namespaces.served(view, owner)
    }

    /// Goes on with the descendants of revoked tokens, if there are any.
    async fn sweep(
        &self,
        owner: &NamespaceId,
        fit: Fit,
        term: Term,
        now: Millis,
    ) -> Result<Option<Result<Vec<i64>, CommitError>>, String> {
        let view = self.node.local_view().map_err(|e| e.to_string())?.elsewhere(space::schedule(owner));
        let Some(parent) = self.node.tokens.to_sweep(&view).map_err(|e| e.to_string())? else { return Ok(None) };
        let budget = halved(SWEEP_MAX, fit.0);
        let swept = change(&self.node, now, term, |state| {
            self.node.tokens.sweep_on(&mut state.at(space::records(&parent.home())), &parent, budget)
        });
        Ok(Some(swept.await))
    }
}
