//! Running the handler. Takes a [`Permit`], which only authorization can make.

use std::sync::Arc;

use sdk::{Act, Answer, Body, Failure, Handler, Help, Operation, Params, Verb};
use storage::{LatchSet, OpenBatch, OpenSnapshot, TxnState};
use tokio::runtime::RuntimeFlavor;

use super::authorize::{Permit, context, space_of};
use super::{Located, RelyOn, Run};
use crate::space;

pub(super) enum Done {
    /// `txn` is what remains to be committed; a view leaves nothing, unless a use is to be spent.
    Answered { result: Result<Answer, Failure>, txn: Option<OpenBatch>, latches: LatchSet },
    /// `batch` is to be committed first: what the act costs, and that the request has begun, so that it runs once.
    Acts { act: Arc<dyn Act>, params: Params, batch: OpenBatch, latches: LatchSet },
}

pub(super) async fn dispatch(
    run: &Run<'_>,
    snapshot: OpenSnapshot,
    permit: &Permit,
    located: &Located,
    rely_on: RelyOn,
    latches: LatchSet,
) -> Done {
    let backend = located.plugin.backend(&located.info);
    if run.request.help {
        let result = Help::at(backend, &located.info.path, &located.path)
            .map(|help| Answer::bare(sdk::json!({"help": help.text, "see_also": null, "openapi": help.openapi})))
            .ok_or_else(unsupported_path);
        return Done::Answered { result, txn: None, latches };
    }
    let Some(matched) = backend.find(&located.path) else {
        return Done::Answered { result: Err(unsupported_path()), txn: None, latches };
    };
    let operation = match matched.operation(run.request.verb) {
        Ok(operation) => operation,
        Err(failure) => return Done::Answered { result: Err(failure), txn: None, latches },
    };
    let ctx = context(run, located, permit.caller());
    let params = matched.params(permit.limited(run.request.body.clone()));
    let here = space_of(located, permit.caller());
    let mut state = TxnState::new(snapshot, latches);
    for (path, revision) in rely_on {
        state.rely_on(path, revision);
    }
    spend(&mut state, permit);
    let result = match &operation.handler {
        Handler::Act(act) => {
            let (batch, latches) = state.finish();
            return Done::Acts { act: Arc::clone(act), params, batch, latches };
        }
        Handler::View(handler) => {
            let view = state.view(here);
            let work = || handler(&ctx, &params, &view);
            // A listing is as long as its folder: other requests go on meanwhile.
            let listing = matches!(run.request.verb, Verb::List | Verb::Scan);
            let threads = tokio::runtime::Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
            if listing && threads { tokio::task::block_in_place(work) } else { work() }
        }
        Handler::Txn(handler) => handler(&ctx, &params, &mut state.at(here)),
    };
    let result = result.map(|answer| warned(operation, &params, answer));
    let (batch, latches) = state.finish();
    Done::Answered { result, txn: Some(batch).filter(|b| !b.is_empty()), latches }
}

/// Says which parameters had no effect. An answer without a body stays one.
fn warned(operation: &Operation, params: &Params, mut answer: Answer) -> Answer {
    if !matches!(answer.body, Body::Empty) || answer.auth.is_some() || !answer.warnings.is_empty() {
        answer.warnings.extend(operation.warnings(params));
    }
    answer
}

fn spend(state: &mut TxnState, permit: &Permit) {
    if let Some(key) = permit.spends() {
        crate::token::Tokens::spend(&mut state.at(space::records(&sdk::NamespaceId::root())), key);
    }
}

fn unsupported_path() -> Failure {
    Failure::NoSuch("1 error occurred:\n\t* unsupported path\n\n".into())
}
