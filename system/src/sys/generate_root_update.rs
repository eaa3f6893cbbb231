//! `sys/generate-root/update`, `sys/generate-root-token/update`: shares come in; with the last one the token goes out.

use std::sync::Arc;

use holdfast_core::lifecycle::{GenerateRootProgress, NewRoot, Node};
use sdk::{Answer, Ctx, Failure, Input, Outcome, Path, Result, Txn, Verb};
use tokio::time::Instant;

use super::ceremony::{Form, NO_KEY, acting, failure, share};
use super::generate_root_attempt::Attempt;
use super::once::once;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Update {
    /// One share of the unseal key, or of the recovery key.
    key: Option<String>,
    /// Of the attempt.
    nonce: Option<String>,
}

pub fn path(node: &Arc<Node>, pattern: &'static str, form: Form) -> Path {
    Path::new(pattern)
        .help(
            "Takes one key share.",
            "The last one that is needed answers with the token, encoded as the attempt was started. Wrong shares are \
             thrown away, the attempt stays.",
        )
        .sudo()
        // Nothing can be read here.
        .answers(Verb::Read, Outcome::EMPTY.status(400))
        .answers(Verb::Write, form.outcome::<Attempt>())
        .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Err::<Answer, _>(Failure::invalid(NO_KEY)))
        .act::<Update>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, update: Update, _: Instant| async move {
                let (share, nonce) = (share(update.key)?, update.nonce.unwrap_or_default());
                let mut progress = node.generate_root_update(share, &nonce).await.map_err(failure)?;
                let answer = form.answer(body(&progress, form))?;
                Ok(match progress.pending.take() {
                    Some(new) => answer.then(once(&node, new, store)),
                    None => answer,
                })
            }),
        )
}

async fn store(node: Arc<Node>, new: NewRoot, deadline: Instant) -> Result<Answer> {
    node.generate_root_finish(new, deadline).await.map_err(failure).map(|()| Answer::empty())
}

fn body(progress: &GenerateRootProgress, form: Form) -> Attempt {
    let bare = form == Form::Bare;
    let token = progress.encoded_token.clone();
    Attempt {
        started: true,
        progress: progress.status.progress,
        required: progress.status.required,
        complete: token.is_some(),
        nonce: progress.status.nonce.clone(),
        pgp_fingerprint: progress.status.fingerprint.clone(),
        encoded_root_token: bare.then(|| token.clone().unwrap_or_default()),
        encoded_token: Some(token.unwrap_or_default()),
        otp: bare.then(String::new),
        otp_length: bare.then_some(0),
    }
}
