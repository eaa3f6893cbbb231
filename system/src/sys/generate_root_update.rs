//! `sys/generate-root/update`, `sys/generate-root-token/update`: shares come in; with the last one the token goes out.

use std::sync::Arc;

use holdfast_core::lifecycle::{GenerateRootProgress, NewRoot, Node};
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Txn, Value, Verb, json};
use tokio::time::Instant;

use super::ceremony::{Form, NO_KEY, acting, failure, share};
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
        .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Err(Failure::invalid(NO_KEY)))
        .act::<Update>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, update: Update, _: Instant| async move {
                let (share, nonce) = (share(update.key)?, update.nonce.unwrap_or_default());
                let mut progress = node.generate_root_update(share, &nonce).await.map_err(failure)?;
                let answer = form.answer(body(&progress, form));
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

fn body(progress: &GenerateRootProgress, form: Form) -> Value {
    let token = progress.encoded_token.as_deref().unwrap_or_default();
    let mut body = json!({
        "started": true,
        "progress": progress.status.progress,
        "required": progress.status.required,
        "complete": progress.encoded_token.is_some(),
        "nonce": progress.status.nonce,
        "pgp_fingerprint": progress.status.fingerprint,
        "encoded_token": token,
    });
    if form == Form::Bare {
        body["encoded_root_token"] = json!(token);
        body["otp"] = json!("");
        body["otp_length"] = json!(0);
    }
    body
}
