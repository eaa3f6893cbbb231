//! Running the handler. Takes a [`Permit`], which only authorization can make.

use std::sync::Arc;

use sdk::{Act, Answer, Body, Failure, Handler, Help, Operation, Params, Prepared, Verb, Waiting, Work};
use storage::{OpenBatch, OpenSnapshot, TxnState, View};

use super::authorize::{Permit, context, space_of};
use super::{LISTINGS_MAX, Located, RelyOn, Run, Stages, filter};
use crate::catalog::Catalog;
use crate::identity::mfa::{Answered, Question};
use crate::lifecycle::Node;
use crate::token::second_factor::{Brought, Came};
use crate::token::{LoggedIn, Tokens, second_factor};
use crate::work::Task;
use crate::{space, wrap};

pub(super) enum Done {
    /// With what remains to be committed; a view leaves nothing, unless a use is to be spent.
    Answered(Result<Box<Answer>, Failure>, Option<Box<OpenBatch>>),
    /// To be done first, and the request to be run again with what it came to.
    Works(Task),
    /// The same where somebody else does it.
    Waits(Waiting<Prepared>),
    /// Somebody is to be asked first, and the request to be run again with what they say.
    Asks(Box<Question>),
    /// `batch` is to be committed first: what the act costs, and that the request has begun, so that it runs once.
    Acts { act: Arc<dyn Act>, params: Params, batch: OpenBatch },
}

impl From<Failure> for Done {
    fn from(failure: Failure) -> Self {
        Self::Answered(Err(failure), None)
    }
}

#[expect(clippy::too_many_arguments, reason = "what a handler runs with, each a stage's own")]
pub(super) fn dispatch(
    node: &Node,
    catalog: &Catalog,
    run: &Run<'_>,
    snapshot: OpenSnapshot,
    permit: &Permit,
    located: &Located,
    rely_on: RelyOn,
    stages: &mut Stages<'_>,
) -> Done {
    if run.request.help {
        let backend = located.plugin.backend(&located.info);
        let result = Help::at(backend, &located.info, &located.path)
            .map(|help| Answer::bare(sdk::json!({"help": help.text, "see_also": null, "openapi": help.openapi})))
            .map(Box::new)
            .ok_or_else(Failure::unsupported_path);
        return Done::Answered(result, None);
    }
    let Some(matched) = &located.matched else { return Failure::unsupported_path().into() };
    let operation = match matched.operation(run.request.verb) {
        Ok(operation) => operation,
        Err(failure) => return failure.into(),
    };
    if let Err(failure) = check_lockout(node, run, located, &snapshot) {
        return failure.into();
    }
    let Some(latches) = stages.latches.take() else { return Failure::internal("a request without latches").into() };
    let ctx = context(run, located, permit.caller());
    let params = matched.params(permit.limited(run.request.body.clone())).with_upload(run.request.upload.clone());
    let params = params.with_namespace(run.namespace.clone());
    let here = space_of(located, permit.caller());
    let mut state = TxnState::new(snapshot, latches);
    for (path, revision) in rely_on {
        state.rely_on(path, revision);
    }
    spend(&mut state, permit);
    let result = match &operation.handler {
        Handler::Act(_) if run.request.wrap_ttl.is_some() => {
            stages.latches = Some(state.finish().1);
            return Failure::invalid("the answer of this operation cannot be wrapped").into();
        }
        Handler::Node => {
            stages.latches = Some(state.finish().1);
            return Failure::Unsupported.into();
        }
        Handler::Act(act) => {
            let (batch, latches) = state.finish();
            stages.latches = Some(latches);
            return Done::Acts { act: Arc::clone(act), params, batch };
        }
        Handler::View(handler) => {
            let view = state.view(here);
            let view = if stages.unlisted < LISTINGS_MAX { view.listed_by(&node.listings) } else { view };
            let work = || handler(&ctx, &params, &view);
            // A listing is as long as its folder: other requests go on meanwhile.
            let listing = matches!(run.request.verb, Verb::List | Verb::Scan);
            if listing { sdk::aside(work) } else { work() }
        }
        Handler::Upsert(upsert) if permit.creates() => (upsert.missing)(&ctx, &params, &mut state.at(here)),
        Handler::Upsert(upsert) => (upsert.there)(&ctx, &params, &state.view(here)),
        Handler::Txn(handler) => handler(&ctx, &params, &mut state.at(here)),
        Handler::Batch(_) => Err(Failure::internal("a batch has a stage of its own")),
        Handler::Slow(slow) => {
            let prepared = match &stages.prepared {
                Some(prepared) => Ok(Work::Done(Arc::clone(prepared))),
                None => (slow.prepare)(&ctx, &params, &state.view(here.clone())),
            };
            match prepared {
                Ok(Work::Done(prepared)) => (slow.finish)(&ctx, &params, &prepared, &mut state.at(here)),
                Ok(Work::Slow(task)) => {
                    stages.latches = Some(state.finish().1);
                    return Done::Works(task);
                }
                // Nothing is held meanwhile.
                Ok(Work::Waits(work)) => return Done::Waits(work),
                Err(failure) => Err(failure),
            }
        }
    };
    let result = match result.and_then(|answer| log_in(node, run, located, &mut state, &stages.answered, answer)) {
        // Nothing is held while somebody looks for their phone.
        Ok(Err(question)) => return Done::Asks(question),
        Ok(Ok(answer)) => Ok(answer),
        Err(failure) => Err(failure),
    };
    let result = result
        .map(|answer| warned(operation, &params, answer))
        .and_then(|answer| {
            let view = state.view(space::records(&run.namespace.id));
            filter::thinned_out(node, catalog, &view, permit, answer)
        })
        .and_then(|answer| match run.request.wrap_ttl {
            Some(_) if answer.refused.is_some() => Ok(answer),
            // There is nothing to be wrapped yet; the token is, when the second factor has come.
            Some(_) if answer.auth.as_ref().is_some_and(|auth| auth.mfa_requirement.is_some()) => Ok(answer),
            Some(_) if permit.caller().is_none() && answer.auth.is_none() => {
                Err(Failure::invalid("an answer is wrapped for whoever has a token, or logs in"))
            }
            Some(ttl) => {
                let (id, namespace, path, now) = (run.request.id, run.namespace, run.path, run.now);
                wrap::answer(node, &mut state, &wrap::Asked { id, namespace, path, now, ttl }, answer)
            }
            None => Ok(answer),
        });
    let (batch, latches) = state.finish();
    stages.latches = Some(latches);
    Done::Answered(result.map(Box::new), Some(batch).filter(|b| !b.is_empty()).map(Box::new))
}

/// Whether running the handler changes nothing, anywhere.
pub(super) fn only_looks(run: &Run<'_>, permit: &Permit, located: Option<&Located>) -> bool {
    let matched = located.and_then(|located| located.matched.as_ref());
    let operation = matched.and_then(|matched| matched.operation(run.request.verb).ok());
    let view = operation.is_some_and(|operation| match operation.handler {
        Handler::View(_) => true,
        Handler::Upsert(_) => !permit.creates(),
        Handler::Txn(_) | Handler::Slow(_) | Handler::Act(_) | Handler::Batch(_) | Handler::Node => false,
    });
    view && permit.spends().is_none() && run.request.wrap_ttl.is_none()
}

/// Before work is done for somebody who has to wait, and again before the work counts: of many guesses at once, those
/// behind the one that locks the user out are refused, right or wrong.
fn check_lockout(node: &Node, run: &Run<'_>, located: &Located, snapshot: &OpenSnapshot) -> Result<(), Failure> {
    let Some(alias) = located.login_alias(run.request) else { return Ok(()) };
    let ns = &located.namespace.id;
    let records = View::new(snapshot.clone(), space::records(ns));
    if node.lockouts.is_locked(&records, ns, &located.mount, &alias, run.now)? {
        return Err(Failure::denied("permission denied"));
    }
    Ok(())
}

/// Makes the token that a login has earned, in the same batch, or asks for a second factor: whom to ask, where that is
/// somebody else.
fn log_in(
    node: &Node,
    run: &Run<'_>,
    located: &Located,
    state: &mut TxnState,
    answered: &Answered,
    answer: Answer,
) -> Result<Result<Answer, Box<Question>>, Failure> {
    let mut answer = answer;
    let mut records = state.at(space::records(&run.namespace.id));
    let remote = run.request.remote.map(|remote| remote.ip());
    let came: Came = if let Some(login) = answer.login.take() {
        let at = LoggedIn { namespace: run.namespace, path: run.path, mount: &located.info, remote };
        let factors = &run.request.mfa;
        second_factor::log_in(node, &mut records, run.now, at, &located.mount, login, factors, answered)?
    } else if let Some(brought) = answer.second_factor.take() {
        let at = Brought { namespace: run.namespace, remote, answered };
        second_factor::validate(node, &mut records, run.now, at, &brought)?
    } else {
        return Ok(Ok(answer));
    };
    Ok(came.told_in(answer))
}

/// Says which parameters had no effect. An answer without a body stays one.
pub(super) fn warned(operation: &Operation, params: &Params, mut answer: Answer) -> Answer {
    if !matches!(answer.body, Body::Empty) || answer.auth.is_some() || !answer.warnings.is_empty() {
        answer.warnings.extend(operation.warnings(params));
    }
    answer
}

fn spend(state: &mut TxnState, permit: &Permit) {
    if let Some(key) = permit.spends() {
        Tokens::spend(&mut state.at(space::records(&key.home())), key);
    }
}
