//! The way of a request on the node that runs it:
//! address → locate → limit → authenticate → authorize → audit request → dispatch (→ log in → wrap) → commit → audit response.
//!
//! A transaction that another request got in the way of runs again from the top, on a new snapshot; only the request's
//! audit entry is not repeated. The store's batch relies on everything that let the request through: its token, the token's
//! ancestors, the mount and the policies.

mod authenticate;
mod authorize;
mod batch;
mod commit;
mod dispatch;
mod filter;
mod keys;
mod limit;
mod locate;
mod measure;
mod secondary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures::future::maybe_done;
use futures::{join, poll};
use policy::Explanation;
use sdk::{Act, Answer, Failure, Namespace, NamespaceId, Params, Prepared, Step};
use storage::{Latches, Millis, OpenBatch, OpenSnapshot, Path, RawKey, Revision, Term, View};
use tokio::time::Instant;

pub use authorize::Permit;
pub use authorize::refusal;
pub(crate) use commit::{resolve, unknown};
use keys::is_open;
pub use locate::{Kind, Located, is_protected, locate};

use crate::audit::{AuditError, Subject, Who};
use crate::catalog::Catalog;
use crate::change::change;
use crate::denials::{Denial, DeniedToken};
use crate::identity::mfa::Answered;
use crate::lanes::Place;
use crate::lifecycle::Node;
use crate::listing::Lister;
use crate::lockout::{self, Counted};
use crate::namespace::Address;
use crate::request::Request;
use crate::response::Response;
use crate::service::open_response;
use crate::space;
use crate::token::{ClientToken, TokenKey, joined};
use crate::work::Workers;

/// How often a transaction is run again because others got in its way. Latches make more than a few rare.
const RUNS_MAX: usize = 32;

pub struct Pipeline {
    node: Arc<Node>,
    catalog: Catalog,
    latches: Arc<Latches>,
    workers: Workers,
    lister: Lister,
}

/// How often a request waits for listings before it reads its folders itself.
const LISTINGS_MAX: usize = 4;

/// When one request runs, and as what.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub request: &'a Request,
    /// The cluster's time at the read point.
    pub now: Millis,
    /// Of this node's leadership; without it the request can only read.
    pub term: Option<Term>,
    pub deadline: Instant,
    /// Whether another node waits for the answer, which is then kept with the batch.
    pub forwarded: bool,
    /// Whether the node that it came to has counted it already.
    pub counted: bool,
    /// Among those that run.
    pub place: Option<&'a Place>,
}

impl<'a> Call<'a> {
    /// Of a client of this node.
    pub fn here(request: &'a Request, now: Millis, term: Option<Term>, deadline: Instant) -> Self {
        Self { request, now, term, deadline, forwarded: false, counted: false, place: None }
    }
}

/// A request where it was found to go.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub request: &'a Request,
    pub now: Millis,
    pub term: Option<Term>,
    pub deadline: Instant,
    pub forwarded: bool,
    pub namespace: &'a Namespace,
    /// In the namespace.
    pub path: &'a str,
}

impl<'a> Run<'a> {
    fn at(call: &Call<'a>, address: &'a Address) -> Self {
        let Call { request, now, term, deadline, forwarded, .. } = *call;
        Self { request, now, term, deadline, forwarded, namespace: &address.place.namespace, path: &address.path }
    }
}

/// A request that no namespace is there for: as the root sees it, by its whole path.
struct Nowhere {
    root: Namespace,
    path: String,
}

impl Nowhere {
    fn of(request: &Request) -> Self {
        let namespace = request.namespace.trim_matches('/');
        let path = match namespace.is_empty() {
            true => request.path.clone(),
            false => format!("{namespace}/{}", request.path),
        };
        Self { root: Namespace::root(), path }
    }

    fn run<'a>(&'a self, call: &Call<'a>) -> Run<'a> {
        let Call { request, now, term, deadline, forwarded, .. } = *call;
        Run { request, now, term, deadline, forwarded, namespace: &self.root, path: &self.path }
    }
}

/// What a run relies on besides its own reads.
type RelyOn = Vec<(Path, Option<Revision>)>;

/// How a run ended when it was not answered.
enum Again {
    /// Wait for these latches, then run again.
    Busy,
    /// Something changed: run again at once.
    Conflict,
    /// What had to be there first, is: the work before a transaction, a folder's listing.
    Prepared,
    /// Somebody has answered, and time has passed.
    Answered,
    /// The listing of this folder is to be made.
    Unlisted(RawKey),
}

impl Pipeline {
    pub fn new(node: Arc<Node>, catalog: Catalog) -> Self {
        node.has_plugins(&catalog);
        let lister = Lister::new(node.store.clone(), Arc::clone(&node.listings));
        Self { node, catalog, latches: Latches::new(), workers: Workers::default(), lister }
    }

    /// Runs a request here. The caller has made sure of the read point, and of leadership where `term` is given.
    pub async fn run(&self, call: Call<'_>) -> Response {
        let measured = measure::Measured::begin();
        let response = self.run_to_an_answer(&call).await;
        measured.answered(&response);
        response
    }

    async fn run_to_an_answer(&self, call: &Call<'_>) -> Response {
        let mut stages = Stages {
            place: call.place,
            audited: false,
            counted: call.counted,
            headers: BTreeMap::new(),
            latches: Some(self.latches.begin()),
            prepared: None,
            answered: Answered::default(),
            unlisted: 0,
            refusal: None,
            home_asked: false,
            lacking: None,
        };
        let (mut attempts, mut call) = (0, *call);
        loop {
            let again = match self.attempt(&call, &mut stages).await {
                Ok(mut response) => {
                    response.headers.append(&mut stages.headers);
                    return response;
                }
                Err(again) => again,
            };
            attempts += usize::from(!matches!(again, Again::Prepared | Again::Answered));
            if matches!(again, Again::Answered) {
                call.now = self.node.replication.now();
            }
            if attempts >= RUNS_MAX || Instant::now() >= call.deadline {
                return Response::failure(&Failure::Busy);
            }
            if !matches!(again, Again::Busy) {
                continue;
            }
            stages.waits();
            if let Some(latches) = &mut stages.latches
                && latches.wait(call.deadline).await.is_err()
            {
                return Response::failure(&Failure::Busy);
            }
        }
    }

    /// Whether the request is one that only looks, if this node's own state is right about what exists.
    pub fn finds(&self, view: &View, request: &Request, located: &Located) -> Result<bool, Failure> {
        let now = self.node.replication.now();
        let (namespace, path) = (&located.namespace, request.path.as_str());
        let run = Run { request, now, term: None, deadline: Instant::now(), forwarded: false, namespace, path };
        let there = view.elsewhere(authorize::space_of(located, None));
        Ok(authorize::exists(&there, &run, located, None)? != Some(false))
    }

    /// Writes down that this request goes on to the active node. What cannot be audited here does not go.
    pub async fn audit_forward(&self, request: &Request) -> Result<(), Response> {
        let subject = Subject::new(request, "forward", None, None);
        let snapshot = self.node.store.snapshot().map_err(storage::Access::from);
        if let Err(access) = snapshot.and_then(|snapshot| self.node.audit.refresh(&snapshot)) {
            return Err(Response::failure(&access.into()));
        }
        let written = self.node.audit.forward(self.node.replication.now(), &subject).await;
        written.map_err(|error| refused_by_audit(request, &error))
    }

    async fn attempt(&self, call: &Call<'_>, stages: &mut Stages<'_>) -> Result<Response, Again> {
        let snapshot = match self.node.store.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return Ok(Response::failure(&storage::Access::from(error).into())),
        };
        if let Err(access) = self.node.audit.refresh(&snapshot) {
            return Ok(Response::failure(&access.into()));
        }
        if let Err(access) = self.node.quotas.refresh(&snapshot) {
            return Ok(Response::failure(&access.into()));
        }
        let seen = snapshot.state_revision();
        let view = View::new(snapshot.clone(), space::records(&NamespaceId::root()));
        let mut rely_on = RelyOn::new();

        let address = match locate::address(&self.node, &view, call.request, &mut rely_on) {
            Ok(address) => address,
            Err(failure) => {
                let path = Nowhere::of(call.request);
                return Ok(self.refuse(&path.run(call), &view, None, failure, stages).await);
            }
        };
        let run = &Run::at(call, &address);
        // Keys that this node does not have yet, another member may give it: it is asked for nobody who asks too much.
        if address.place.lacks_keys() {
            if let Err(refused) = self.count_once(run, &view, None, stages).await {
                return Ok(refused);
            }
            if self.node.fetch_for(&address.place, || stages.waits()).await {
                return Err(Again::Prepared);
            }
        }
        let located = is_open(run, &address)
            .and_then(|()| locate::locate_at(&self.node, &self.catalog, &view, run.request, &address, &mut rely_on));
        let located = match located {
            Ok(Some(located)) if located.is_out_of_reach() => {
                let failure = Failure::invalid(ROOT_ONLY);
                return Ok(self.refuse(run, &view, Some(&located), failure, stages).await);
            }
            Ok(located) => located,
            Err(failure) => return Ok(self.refuse(run, &view, None, failure, stages).await),
        };
        if let (Some(trace), Some(located)) = (&run.request.trace, &located) {
            trace.located(located);
        }
        if let Err(refused) = self.count_once(run, &view, located.as_ref(), stages).await {
            return Ok(refused);
        }
        match self.has_home(run, stages).await {
            Ok(true) => {}
            Ok(false) => return Err(Again::Prepared),
            Err(failure) => return Ok(self.refuse(run, &view, located.as_ref(), failure, stages).await),
        }
        let permit = secondary::judge(&self.node, &view, run, located.as_ref(), &mut rely_on).unwrap_or_else(|| {
            let caller = authenticate::caller(&self.node, &view, run, &mut rely_on)?;
            authorize::authorize(&self.node, &view, run, caller, located.as_ref(), &mut rely_on)
        });

        let who = permit.as_ref().map_or_else(|refused| refused.who.as_ref(), Permit::who).cloned();
        let operation = permit.as_ref().map_or_else(|_| authorize::asked(run), Permit::operation_name);
        // Of a batch that is not let through nobody has read the operations.
        let steps = located.as_ref().filter(|_| permit.is_ok()).and_then(|located| located.steps(run.request));
        let named = steps.as_ref().and_then(|steps| steps.as_deref().ok()).unwrap_or_default();
        let mount = located.as_ref().map(|located| located.mount.as_ref());
        let subject = Subject::new(run.request, operation, mount, who.as_ref());
        let subject = subject.at(run.namespace, run.path).with_steps(named);
        let already = stages.audited;
        let request_entry = async { if already { Ok(()) } else { self.node.audit.request(run.now, &subject).await } };
        let mut request_entry = pin!(maybe_done(request_entry));
        // A view changes nothing: its two entries are written together, and the answer waits for both.
        if permit.as_ref().is_ok_and(|permit| dispatch::only_looks(run, permit, located.as_ref())) {
            let _ = poll!(request_entry.as_mut());
        } else {
            request_entry.as_mut().await;
        }
        if let Some(Err(error)) = request_entry.as_mut().output_mut() {
            return Ok(refused_by_audit(run.request, error));
        }
        stages.audited = request_entry.as_mut().output_mut().is_some();
        let mut refusal = Refusal { operation, path: run.path.to_owned(), decided: None, why: ITSELF.into() };
        stages.refusal = None;
        let result = match permit {
            Ok(permit) => {
                let began = std::time::Instant::now();
                let steps = steps.as_ref().map(|steps| steps.as_deref());
                let what = What { permit: &permit, located: located.as_ref(), steps };
                let result = self.carry_out(run, snapshot, what, rely_on, stages).await;
                let result = match result {
                    Ok(result) => result,
                    Err(again) => {
                        // It may be half written, and is not to be written twice.
                        request_entry.as_mut().await;
                        if let Some(Err(error)) = request_entry.as_mut().output_mut() {
                            return Ok(refused_by_audit(run.request, error));
                        }
                        stages.audited = true;
                        let Again::Unlisted(folder) = again else { return Err(again) };
                        stages.waits();
                        match self.lister.make(&folder, run.deadline).await {
                            Ok(()) => return Err(Again::Prepared),
                            Err(failure) => Err(failure),
                        }
                    }
                };
                if let Some(located) = &located {
                    measure::routed(permit.operation_name(), located, began);
                }
                result
            }
            Err(refused) => {
                let spent = self.spend(run, refused.spends.as_ref()).await;
                (refusal.decided, refusal.why) = (refused.decided, refused.why);
                Err(spent.err().unwrap_or(refused.failure))
            }
        };
        let outcome = result.as_ref().map(|done| &done.answer);
        let response_entry = self.node.audit.response(self.node.replication.now(), &subject, outcome);
        let ((), written) = join!(request_entry.as_mut(), response_entry);
        let written = request_entry.take_output().unwrap_or(Ok(())).and(written);
        Ok(match (&result, written) {
            (Ok(done), Ok(())) => {
                if let (Some(located), Some(auth)) = (&located, done.answer.made()) {
                    measure::token_made(located, auth);
                }
                // It is committed: whoever waits for the same goes on while the rest is done.
                stages.latches = None;
                if done.answer.then.is_some() {
                    stages.waits();
                }
                let answered = done.committed.or(run.request.consistency.wants_index().then_some(seen));
                self.indexed(finish(run, done).await, answered)
            }
            (Ok(done), Err(error)) => {
                self.take_back(run, &done.answer).await;
                unaudited_answer(run, &error, done.committed)
            }
            (Err(failure), written) => {
                log_failure(run.request, failure);
                match (written, failure) {
                    (Err(error), _) => refused_by_audit(run.request, &error),
                    (Ok(()), Failure::Denied(_)) => {
                        self.denied(run, who.as_ref(), stages.refusal.take().unwrap_or(refusal), failure)
                    }
                    (Ok(()), failure) => Response::failure(failure),
                }
            }
        })
    }

    /// What nobody's rights are looked at for: it counts like any other, and is written down.
    async fn refuse(
        &self,
        run: &Run<'_>,
        view: &View,
        located: Option<&Located>,
        failure: Failure,
        stages: &mut Stages<'_>,
    ) -> Response {
        log_failure(run.request, &failure);
        if let Err(refused) = self.count_once(run, view, located, stages).await {
            return refused;
        }
        if matches!(failure, Failure::Moved(_)) {
            // Whoever answers it writes it down.
            return Response::failure(&failure);
        }
        let mount = located.map(|located| located.mount.as_ref());
        let subject = Subject::new(run.request, authorize::asked(run), mount, None).at(run.namespace, run.path);
        if !stages.audited
            && let Err(error) = self.node.audit.request(run.now, &subject).await
        {
            return refused_by_audit(run.request, &error);
        }
        stages.audited = true;
        match self.node.audit.response(self.node.replication.now(), &subject, Err(&failure)).await {
            Ok(()) => Response::failure(&failure),
            Err(error) => refused_by_audit(run.request, &error),
        }
    }

    /// Remembers why, and answers with the id that it can be asked for by.
    fn denied(
        &self,
        run: &Run<'_>,
        who: Option<&Who>,
        Refusal { operation, path, decided, why }: Refusal,
        failure: &Failure,
    ) -> Response {
        let ruling = decided.as_ref().and_then(|decided| decided.ruling.as_ref());
        let rules = ruling.map(|ruling| ruling.rules.as_slice()).unwrap_or_default();
        let token = who.map(|who| DeniedToken {
            accessor: who.token.accessor.clone(),
            display_name: who.token.display_name.clone(),
            entity_id: who.token.entity_id.clone(),
            policies: joined(&who.token.policies, &who.rights.policies),
            sources: rules.iter().map(|rule| who.rights.source_of(&who.token.policies, &rule.policy)).collect(),
        });
        let id = run.request.id;
        self.node.denials.note(Denial {
            id,
            at: run.now,
            namespace: run.namespace.clone(),
            operation,
            path,
            token,
            decided,
            why,
        });
        Response::denied(id, failure)
    }

    /// Says which state the answer is of: every write does, and a read that was asked to.
    fn indexed(&self, response: Response, state: Option<Revision>) -> Response {
        match state {
            Some(state) => self.node.with_index(response, state),
            None => response,
        }
    }

    async fn carry_out(
        &self,
        run: &Run<'_>,
        snapshot: OpenSnapshot,
        what: What<'_>,
        rely_on: RelyOn,
        stages: &mut Stages<'_>,
    ) -> Result<Result<Done, Failure>, Again> {
        let What { permit, located, steps } = what;
        let Some(located) = located else { return Ok(Err(no_route(run.path))) };
        let dispatched = match steps {
            None => dispatch::dispatch(&self.node, &self.catalog, run, snapshot, permit, located, rely_on, stages),
            Some(Ok(steps)) => self.dispatch_all(run, snapshot, permit, steps, rely_on, stages),
            Some(Err(Failure::Invalid(text))) => Failure::Invalid(text.clone()).into(),
            Some(Err(other)) => Failure::internal(other).into(),
        };
        let result = match dispatched {
            dispatch::Done::Answered(Ok(answer), txn) => {
                let mut answer = *answer;
                let refused = answer.refused.take();
                // Some answers repeat their data, but not where the path says which namespace.
                let answer = if located.by_path { answer.unmirrored() } else { answer };
                let write = || match &refused {
                    Some(failure) => Response::failure(failure),
                    None => Response::answer(run.request.id, &answer),
                };
                let response = if answer.is_long() { sdk::aside(write) } else { write() };
                let done = Done { answer, response, committed: None };
                let done = match txn {
                    Some(batch) => self.commit(run, permit, *batch, done).await?,
                    None => Ok(done),
                };
                match refused {
                    Some(failure) => done.and(Err(failure)),
                    None => done,
                }
            }
            dispatch::Done::Answered(Err(Failure::Busy), _) => return Err(Again::Busy),
            dispatch::Done::Answered(Err(Failure::Unlisted(folder)), _) => {
                stages.unlisted += 1;
                return Err(Again::Unlisted(folder));
            }
            dispatch::Done::Answered(Err(failure), _) => {
                let failure = self.bring(run, failure, stages).await?;
                let spent = self.spend(run, permit.spends()).await;
                Err(spent.err().unwrap_or(failure))
            }
            dispatch::Done::Works(task) => {
                stages.waits();
                match self.workers.run(task, run.deadline).await {
                    Ok(prepared) => {
                        stages.prepared = Some(prepared);
                        return Err(Again::Prepared);
                    }
                    Err(failure) => Err(failure),
                }
            }
            dispatch::Done::Waits(work) => {
                stages.latches = Some(self.latches.begin());
                stages.waits();
                match self.workers.wait(work, run.deadline).await {
                    Ok(prepared) => {
                        stages.prepared = Some(prepared);
                        return Err(Again::Answered);
                    }
                    Err(failure) => {
                        let spent = self.spend(run, permit.spends()).await;
                        Err(spent.err().unwrap_or(failure))
                    }
                }
            }
            dispatch::Done::Asks(question) => {
                stages.latches = Some(self.latches.begin());
                stages.waits();
                let node = &self.node;
                let answer = node.asking.ask(node.second_factors.as_ref(), &question, run.deadline).await;
                stages.answered.note(&question, answer);
                return Err(Again::Answered);
            }
            dispatch::Done::Acts { act, params, batch } => {
                // It reaches for what is not here, and may take as long as that does.
                stages.waits();
                self.act(run, permit, act.as_ref(), &params, batch).await?
            }
        };
        Ok(self.count_login(run, located, result).await)
    }

    /// Remembers who got the credentials wrong, and locks out who did so too often. Whoever was locked out meanwhile is not
    /// told whether they were right.
    async fn count_login(
        &self,
        run: &Run<'_>,
        located: &Located,
        result: Result<Done, Failure>,
    ) -> Result<Done, Failure> {
        let (Some(alias), Some(term)) = (located.login_alias(run.request), run.term) else { return result };
        let ns = &located.namespace.id;
        match &result {
            Ok(_) => self.node.lockouts.succeeded(ns, &located.mount, &alias, run.now),
            Err(Failure::WrongCredentials(_)) => match self.node.lockouts.failed(ns, &located.mount, &alias, run.now) {
                Counted::Wrong => {}
                Counted::LockedOut(until) => self.lock_out(run, term, located, &alias, until).await,
                Counted::StillOut => return Err(Failure::denied("permission denied")),
            },
            Err(_) => {}
        }
        result
    }

    async fn lock_out(&self, run: &Run<'_>, term: Term, located: &Located, alias: &str, until: Millis) {
        let ns = &located.namespace.id;
        // In one that is gone meanwhile nobody would remove it.
        let served = self.node.local_view().and_then(|view| self.node.namespaces.served(&view, ns));
        let Ok(Some(rely_on)) = served else { return };
        let locked = change(&self.node, run.now, term, |state| {
            rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
            lockout::lock(&mut state.at(space::records(ns)), ns, &located.mount.accessor, alias, until)
        });
        match locked.await {
            Ok(_) => tracing::warn!(mount = located.mount.full_path(), "a user is locked out for a while"),
            Err(problem) => tracing::warn!(%problem, "a user could not be locked out"),
        }
    }

    async fn commit(
        &self,
        run: &Run<'_>,
        permit: &Permit,
        batch: OpenBatch,
        done: Done,
    ) -> Result<Result<Done, Failure>, Again> {
        // A token that is not audited is not handed out, so it is not kept for whoever asks either; nor is what would lie
        // under other keys than its namespace's.
        let token = done.answer.auth.is_some() || done.answer.wrapped.is_some();
        let kept = !token && !done.answer.shown_once && run.namespace.id.keyring().is_empty();
        let kept = kept.then_some(&done.response);
        match commit::commit(&self.node, run, batch, kept).await {
            Ok(commit::Committed::Now { counters, revision }) => {
                self.after_last_use(run, permit, &counters).await;
                Ok(Ok(Done { committed: Some(revision), ..done }))
            }
            Ok(commit::Committed::Before(_)) if done.answer.shown_once => {
                let text = "the request was carried out before, and what it made, which is shown once, was not seen";
                Ok(Err(Failure::OutcomeUnknown(text.into())))
            }
            Ok(commit::Committed::Before(ran)) => {
                let kept =
                    ran.answer.and_then(|sealed| open_response(&self.node.barrier, run.request.id, &sealed).ok());
                let response = kept.unwrap_or_else(|| done.response.clone());
                Ok(Ok(Done { response, committed: Some(ran.revision), ..done }))
            }
            Ok(commit::Committed::Again) => Err(Again::Conflict),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// An act is paid for, and written down as begun, before it is carried out: it never runs twice.
    async fn act(
        &self,
        run: &Run<'_>,
        permit: &Permit,
        act: &dyn Act,
        params: &Params,
        batch: OpenBatch,
    ) -> Result<Result<Done, Failure>, Again> {
        let free = act.only_looks() && permit.spends().is_none();
        let mut begun = None;
        if run.term.is_some() && !free {
            match commit::commit(&self.node, run, batch, None).await {
                Ok(commit::Committed::Now { counters, revision }) => {
                    self.after_last_use(run, permit, &counters).await;
                    begun = Some(revision);
                }
                // How far it came then, nobody here knows.
                Ok(commit::Committed::Before(_)) => return Ok(Err(Failure::OutcomeUnknown(unknown(run.request.id)))),
                Ok(commit::Committed::Again) => return Err(Again::Conflict),
                Err(failure) => return Ok(Err(failure)),
            }
        } else if permit.spends().is_some() {
            let text = "a token with a use limit cannot do this at a standby, which cannot count its use";
            return Ok(Err(Failure::invalid(text)));
        }
        Ok(match act.act(params, run.deadline.into_std()).await {
            Ok(answer) => {
                let response = Response::answer(run.request.id, &answer);
                // What is left for `then` has not been carried out yet.
                let committed = begun.filter(|_| answer.then.is_none());
                Ok(Done { answer, response, committed })
            }
            // Under the same id it would not run again.
            Err(Failure::Moved(text)) if !free => Err(Failure::Unavailable(text)),
            Err(failure) => Err(failure),
        })
    }

    /// A use that the failed request's own batch did not take.
    async fn spend(&self, run: &Run<'_>, key: Option<&TokenKey>) -> Result<(), Failure> {
        match (run.term, key) {
            (Some(term), Some(key)) => commit::spend(&self.node, run, term, key).await,
            _ => Ok(()),
        }
    }

    /// Revokes the tokens that were made but will not be handed out.
    async fn take_back(&self, run: &Run<'_>, answer: &Answer) {
        let made = answer.made().map(|auth| &auth.client_token);
        for token in made.into_iter().chain(answer.wrapped.as_ref().map(|wrapped| &wrapped.token)) {
            let key = self.node.tokens.key_of(&ClientToken::new(token.clone()));
            if let (Some(term), Ok(key)) = (run.term, key) {
                commit::revoke(&self.node, run, term, &key, commit::Doomed::Anyway).await;
            }
        }
    }

    async fn after_last_use(&self, run: &Run<'_>, permit: &Permit, counters: &[i64]) {
        if let (Some(term), Some(key)) = (run.term, permit.spends())
            && counters.contains(&0)
        {
            commit::revoke(&self.node, run, term, key, commit::Doomed::Spent).await;
        }
    }
}

/// What is to be carried out.
struct What<'a> {
    permit: &'a Permit,
    located: Option<&'a Located>,
    /// Of a batch, or why it is none.
    steps: Option<Result<&'a [Step], &'a Failure>>,
}

/// Of what concerns the cluster or its machines, in another namespace.
pub const ROOT_ONLY: &str = "operation only available in root namespace";

fn no_route(path: &str) -> Failure {
    Failure::NoSuch(format!("no handler for route {path:?}. route entry not found."))
}

/// What a request came to.
struct Done {
    answer: Answer,
    response: Response,
    /// The revision that it has made, if it has made one.
    committed: Option<Revision>,
}

/// What stays the same when a request runs again.
struct Stages<'a> {
    place: Option<&'a Place>,
    audited: bool,
    /// Whether the rate limits have counted it.
    counted: bool,
    /// What its client is told of what is left.
    headers: BTreeMap<String, String>,
    latches: Option<storage::LatchSet>,
    /// What the work before the transaction came to.
    prepared: Option<Prepared>,
    /// What was said by those who were asked.
    answered: Answered,
    /// How often a folder's listing was not at hand.
    unlisted: usize,
    /// Why an operation of a batch was denied.
    refusal: Option<Refusal>,
    /// Whether the keys of the token's namespace were asked for.
    home_asked: bool,
    /// The keyring that an operation of a batch lacked.
    lacking: Option<String>,
}

impl Stages<'_> {
    /// For another request, for a thread, for somebody else. Whoever does takes no place from those that can run.
    fn waits(&self) {
        if let Some(place) = self.place {
            place.give_back();
        }
    }
}

/// Why something was denied that no policy has refused.
const ITSELF: &str = "the operation itself refused it";

/// What was denied, and why.
struct Refusal {
    operation: &'static str,
    path: String,
    /// What the policies said, if they were asked.
    decided: Option<Explanation>,
    why: String,
}

async fn finish(run: &Run<'_>, done: &Done) -> Response {
    let Some(then) = &done.answer.then else { return done.response.clone() };
    match then.act(&sdk::Params::default(), run.deadline.into_std()).await {
        Ok(more) if more.warnings.is_empty() => done.response.clone(),
        Ok(more) => Response::answer(run.request.id, &done.answer.clone().warned(more.warnings)),
        Err(failure) => {
            log_failure(run.request, &failure);
            Response::failure(&failure)
        }
    }
}

fn refused_by_audit(request: &Request, error: &AuditError) -> Response {
    let AuditError::Devices(problem) = error else { return Response::failure(&Failure::Sealed) };
    tracing::error!(request = %request.id, problem, "a request was refused because it could not be audited");
    Response::errors(500, &[&format!("the request was not audited, so it is not answered: {problem}")])
}

/// No secret goes out, and whoever asked knows whether it was carried out.
fn unaudited_answer(run: &Run<'_>, error: &AuditError, committed: Option<Revision>) -> Response {
    let Some(revision) = committed else { return refused_by_audit(run.request, error) };
    tracing::error!(request = %run.request.id, %error, %revision, "a request was carried out, and its answer not audited");
    let text = format!("the request was carried out at revision {revision}, but its answer was not audited: {error}");
    Response::errors(500, &[&text])
}

/// Once, here: what the client gets is a code and the request's id.
fn log_failure(request: &Request, failure: &Failure) {
    if let Failure::Internal(text) = failure {
        tracing::error!(request = %request.id, problem = text, "a request failed");
    }
}
