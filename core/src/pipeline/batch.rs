//! A batch: several operations, each of which goes the way of a request of its own (authenticate → locate → authorize →
//! dispatch), into one transaction.
//!
//! Rights are decided, and views look, as things were before the batch, so it gives itself no rights. What a transaction
//! reads has the changes of the operations before it. All that any of them relied on is a check of the one batch: its token,
//! mounts and policies, and what it read. If one is refused, none happens.

use std::io;

use policy::{Operation, Question};
use sdk::{Answer, BatchAnswer, Body, Failure, Handler, Output, Reply, Step, StepAnswer, Verb};
use storage::{OpenSnapshot, TxnState, View};

use super::authorize::{Refused, context, refusal, space_of};
use super::dispatch::{Done, warned};
use super::{
    ITSELF, LISTINGS_MAX, Located, Permit, Pipeline, Refusal, RelyOn, Run, Stages, authenticate, authorize, filter,
    is_open, locate, no_route,
};
use crate::space;

/// The most bytes of all answers of a batch.
const ANSWERS_MAX: usize = 4 * 1024 * 1024;

impl Pipeline {
    pub(super) fn dispatch_all(
        &self,
        run: &Run<'_>,
        snapshot: OpenSnapshot,
        permit: &Permit,
        steps: &[Step],
        rely_on: RelyOn,
        stages: &mut Stages<'_>,
    ) -> Done {
        if run.request.wrap_ttl.is_some() {
            return Failure::invalid("the answer of a batch cannot be wrapped").into();
        }
        if permit.spends().is_some() {
            let text =
                "a token with a limited number of uses cannot send a batch: each operation needs a use of its own";
            return Failure::invalid(text).into();
        }
        let Some(latches) = stages.latches.take() else { return Failure::internal("a request without latches").into() };
        let view = View::new(snapshot.clone(), space::records(&run.namespace.id));
        let mut state = TxnState::new(snapshot, latches);
        rely(&mut state, rely_on);
        let all = All { pipeline: self, run, view, kept_listings: stages.unlisted < LISTINGS_MAX };
        let result = all.carry_out(steps, &mut state, &mut stages.refusal, &mut stages.lacking);
        let (batch, latches) = state.finish();
        stages.latches = Some(latches);
        Done::Answered(result.map(Box::new), Some(batch).filter(|batch| !batch.is_empty()).map(Box::new))
    }
}

struct All<'a> {
    pipeline: &'a Pipeline,
    run: &'a Run<'a>,
    /// The state before the batch.
    view: View,
    kept_listings: bool,
}

impl All<'_> {
    /// `denied` comes to say which operation failed and why, `lacking` the keyring that it lacked.
    fn carry_out(
        &self,
        steps: &[Step],
        state: &mut TxnState,
        denied: &mut Option<Refusal>,
        lacking: &mut Option<String>,
    ) -> sdk::Result<Answer> {
        let mut results = Vec::with_capacity(steps.len());
        let mut size = Size(0);
        for (n, step) in steps.iter().enumerate() {
            let result = self.step(step, state).map_err(|Refused { failure, decided, why, .. }| {
                if let Failure::NamespaceSealed(keyring) = &failure {
                    *lacking = Some(keyring.clone());
                }
                let why = if why.is_empty() { ITSELF.to_owned() } else { why };
                *denied = Some(Refusal { operation: step.name, path: step.path.clone(), decided, why });
                told(failure, n + 1, step)
            })?;
            serde_json::to_writer(&mut size, &result).map_err(Failure::internal)?;
            if size.0 > ANSWERS_MAX {
                let text = format!("the answers of the first {} operations have more than {ANSWERS_MAX} bytes", n + 1);
                return Err(Failure::TooLarge(format!("{text}; ask for less at once")));
            }
            results.push(result);
        }
        Reply::data(BatchAnswer { results }).map(Output::into_answer)
    }

    fn step(&self, step: &Step, state: &mut TxnState) -> Result<StepAnswer, Refused> {
        let Pipeline { node, catalog, .. } = self.pipeline;
        let request = self.run.request.step(&self.run.namespace.path, step);
        let mut rely_on = RelyOn::new();
        let address = locate::address(node, &self.view, &request, &mut rely_on)?;
        is_open(self.run, &address)?;
        let run = Run {
            request: &request,
            forwarded: false,
            namespace: &address.place.namespace,
            path: &address.path,
            ..*self.run
        };
        let caller = authenticate::caller(node, &self.view, &run, &mut rely_on)?;
        let located = locate::locate_at(node, catalog, &self.view, &request, &address, &mut rely_on)?;
        let permit = authorize::authorize(node, &self.view, &run, caller, located.as_ref(), &mut rely_on)?;
        let located = located.ok_or_else(|| no_route(run.path))?;
        self.check_write(step, &run, &permit, &located, state, &mut rely_on)?;
        rely(state, rely_on);
        Ok(self.dispatch(&run, &permit, &located, state)?)
    }

    /// What an operation before this one has changed, authorization has not seen. Where that may have made an update of a
    /// create, or the other way round, the caller must be allowed both.
    fn check_write(
        &self,
        step: &Step,
        run: &Run<'_>,
        permit: &Permit,
        located: &Located,
        state: &TxnState,
        rely_on: &mut RelyOn,
    ) -> Result<(), Refused> {
        if step.verb != Verb::Write {
            return Ok(());
        }
        let unclear = rely_on.iter().any(|(path, _)| state.changes(path));
        let creates = permit.operation_name() == "create";
        if step.only_new && unclear {
            let text = "an earlier operation of the batch changes what is here; use update";
            return Err(Failure::invalid(text).into());
        }
        if step.only_new && !creates {
            let tells = located.matched.as_ref().is_some_and(|matched| matched.path.tells_creates());
            let text = match tells {
                true => "there is something here already",
                false => "this path does not tell whether something is here; use update",
            };
            return Err(Failure::invalid(text).into());
        }
        if !unclear {
            return Ok(());
        }
        let denied = || Failure::denied("1 error occurred:\n\t* permission denied\n\n");
        let who = permit.who().ok_or_else(denied)?;
        let token = &who.token;
        let rules =
            self.pipeline.node.policies.rules(&self.view, &token.home.id, &token.policies, &who.rights, run.now);
        let rules = rules.map_err(Failure::from)?;
        rely_on.extend(rules.relied_on);
        let path = permit.caller().and_then(|caller| caller.sees(run.path)).ok_or_else(denied)?;
        let decision = rules.acl.decide(&Question {
            operation: if creates { Operation::Update } else { Operation::Create },
            path: &path,
            parameters: Some(&run.request.body),
            wrap_ttl: None,
        });
        match refusal(&decision, false) {
            Some(decided) => Err(Refused { why: decided.text.clone(), decided: Some(decided), ..denied().into() }),
            None => Ok(()),
        }
    }

    fn dispatch(
        &self,
        run: &Run<'_>,
        permit: &Permit,
        located: &Located,
        state: &mut TxnState,
    ) -> sdk::Result<StepAnswer> {
        let matched = located.matched.as_ref().ok_or_else(Failure::unsupported_path)?;
        let operation = matched.operation(run.request.verb)?;
        let its_own = located.mount.is_builtin() && located.mount.type_name != "cubbyhole";
        if its_own || matched.path.open || matched.path.door.is_some() {
            return Err(not_here());
        }
        let ctx = context(run, located, permit.caller());
        let params = matched.params(permit.limited(run.request.body.clone()));
        let here = space_of(located, permit.caller());
        let answer = match &operation.handler {
            Handler::View(handler) => {
                let view = state.view(here).remembering();
                let view = if self.kept_listings { view.listed_by(&self.pipeline.node.listings) } else { view };
                let work = || handler(&ctx, &params, &view);
                let listing = matches!(run.request.verb, Verb::List | Verb::Scan);
                let looked = if listing { sdk::aside(work) } else { work() };
                rely(state, view.seen());
                match looked {
                    Err(Failure::NotFound | Failure::NoSuch(_)) => Answer::empty().status(404),
                    looked => looked?,
                }
            }
            Handler::Txn(handler) => {
                let answer = handler(&ctx, &params, &mut state.at(here))?;
                match answer.status {
                    Some(404) => return Err(Failure::NotFound),
                    Some(status @ 400..) => return Err(Failure::invalid(format!("it would be answered by {status}"))),
                    _ => answer,
                }
            }
            // Of an upsert nobody knows which it is, once an operation before it may have made what it asks for.
            Handler::Upsert(_) | Handler::Slow(_) | Handler::Act(_) | Handler::Batch(_) | Handler::Node => {
                return Err(not_here());
            }
        };
        let Pipeline { node, catalog, .. } = self.pipeline;
        let answer = filter::thinned_out(node, catalog, &self.view, permit, answer)?;
        shown(warned(operation, &params, answer))
    }
}

fn not_here() -> Failure {
    let text =
        "this operation cannot be part of a batch: send it on its own. A batch reads and writes what mounts store";
    Failure::invalid(text)
}

/// An operation's answer, as the batch's answer has it.
fn shown(answer: Answer) -> sdk::Result<StepAnswer> {
    let credential = answer.auth.is_some() || answer.login.is_some() || answer.accessor.is_some();
    if credential || answer.wrapped.is_some() || answer.then.is_some() {
        return Err(not_here());
    }
    let (status, data) = match answer.body {
        Body::Empty => (if answer.warnings.is_empty() { 204 } else { 200 }, None),
        Body::Data(data) | Body::Mirrored(data) | Body::Bare(data) => (200, Some(data)),
        Body::Null => (200, None),
        Body::Raw { bytes, .. } if bytes.is_empty() => (200, None),
        Body::Raw { .. } | Body::Stream { .. } => return Err(not_here()),
    };
    let (status, lease_duration) = (answer.status.unwrap_or(status), answer.lease_seconds);
    Ok(StepAnswer { status, data, warnings: answer.warnings, lease_duration })
}

fn rely(state: &mut TxnState, rely_on: RelyOn) {
    for (path, revision) in rely_on {
        state.rely_on(path, revision);
    }
}

/// With the operation that the batch failed of. What is of the whole server passes as it is.
fn told(failure: Failure, number: usize, step: &Step) -> Failure {
    let at = |text: &str| format!("operation {number} of the batch ({} {:?}): {text}", step.name, step.path);
    match failure {
        Failure::Invalid(text) | Failure::WrongCredentials(text) => Failure::Invalid(at(&text)),
        Failure::Denied(text) => Failure::Denied(at(text.trim())),
        Failure::NoSuch(text) => Failure::NoSuch(at(&text)),
        Failure::TooLarge(text) => Failure::TooLarge(at(&text)),
        Failure::MediaType(text) => Failure::MediaType(at(&text)),
        Failure::NotFound => Failure::NoSuch(at("nothing is there")),
        Failure::Unsupported => Failure::Invalid(at("the path has no such operation")),
        Failure::Unavailable(text) => Failure::Unavailable(at(&text)),
        sealed @ Failure::NamespaceSealed(_) => Failure::Unavailable(at(&sealed.to_string())),
        other => other,
    }
}

/// Counts what is written.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
