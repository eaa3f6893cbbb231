//! `sys/replication/dr/secondary/generate-operation-token/attempt` and `…/update`, `…/operation-token/delete`: enough of the
//! primary's shares make the token that a secondary's operators act with.

use std::sync::Arc;

use holdfast_core::dr::OperationToken;
use holdfast_core::lifecycle::{GenerationStatus, Node};
use sdk::{Answer, Ctx, Failure, Input, OnSecondary, Outcome, Path, Result, Txn, Verb};
use tokio::time::Instant;

use super::ceremony::{Form, NO_KEY, acting, failure, not_listed, share};
use super::generate_root_attempt::Attempt;
use super::once::once;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Start {
    /// A one-time password as long as an operation token; one is made if neither it nor a PGP key is given.
    otp: Option<String>,
    /// An OpenPGP key in base64 to encrypt the token to.
    pgp_key: Option<String>,
}

#[derive(Input)]
struct Cancel {
    /// Of the attempt. Needed in its first ten minutes.
    nonce: Option<String>,
}

#[derive(Input)]
struct Update {
    /// One share of the primary's unseal key, or of its recovery key.
    key: Option<String>,
    /// Of the attempt.
    nonce: Option<String>,
}

#[derive(Input)]
struct Delete {
    /// The token itself.
    dr_operation_token: Option<String>,
}

const FORM: Form = Form::Bare;

pub fn attempt(node: &Arc<Node>) -> Path {
    let reads = Arc::clone(node);
    Path::new("replication/dr/secondary/generate-operation-token/attempt")
        .secondary_only(OnSecondary::Open)
        .help(
            "Asks for an operation token.",
            "Shows, starts or cancels the attempt. There is one at a time, in the active node's memory: it is lost with it. Its nonce \
             is shown to who starts it, and to nobody else.",
        )
        .answers(Verb::Read, FORM.outcome::<Attempt>())
        .answers(Verb::Write, FORM.outcome::<Attempt>())
        .txn(Verb::List, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Ok(not_listed()))
        // It writes nothing; but only the active node knows of the attempt.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let mut status = reads.operation_token_status().map_err(failure)?;
            // Anybody may ask, and whoever knows it can cancel the attempt.
            status.nonce.clear();
            FORM.answer(body(&status, "", ""))
        })
        .act::<Start>(
            Verb::Write,
            acting(node, |node: Arc<Node>, start: Start, _: Instant| async move {
                let otp = zeroize::Zeroizing::new(start.otp.unwrap_or_default());
                let pgp_key = start.pgp_key.unwrap_or_default();
                let started = node.operation_token_start(&otp, &pgp_key).await.map_err(failure)?;
                let otp = started.otp.as_deref().map_or("", String::as_str);
                FORM.answer(body(&started.status, otp, ""))
            }),
        )
        .act::<Cancel>(
            Verb::Delete,
            acting(node, |node: Arc<Node>, cancel: Cancel, _: Instant| async move {
                node.operation_token_cancel(cancel.nonce.as_deref().unwrap_or_default()).await.map_err(failure)?;
                Ok(Answer::empty())
            }),
        )
}

pub fn update(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/generate-operation-token/update")
        .secondary_only(OnSecondary::Open)
        .help(
            "Takes one key share of the primary.",
            "The last one that is needed answers with the token, encoded as the attempt was started. It counts until it is \
             deleted, in the place of one from before. Wrong shares are thrown away, the attempt stays.",
        )
        // Nothing can be read here.
        .answers(Verb::Read, Outcome::EMPTY.status(400))
        .answers(Verb::Write, FORM.outcome::<Attempt>())
        .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Err::<Answer, _>(Failure::invalid(NO_KEY)))
        .act::<Update>(
            Verb::Write,
            acting(node, |node: Arc<Node>, update: Update, _: Instant| async move {
                let (share, nonce) = (share(update.key)?, update.nonce.unwrap_or_default());
                let mut progress = node.operation_token_update(share, &nonce).await.map_err(failure)?;
                let token = progress.encoded_token.as_deref().unwrap_or_default();
                let answer = FORM.answer(body(&progress.status, "", token))?;
                Ok(match progress.pending.take() {
                    Some(new) => answer.then(once(&node, new, store)),
                    None => answer,
                })
            }),
        )
}

async fn store(node: Arc<Node>, new: OperationToken, deadline: Instant) -> Result<Answer> {
    node.operation_token_finish(new, deadline).await.map_err(failure).map(|()| Answer::empty())
}

pub fn delete(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/operation-token/delete")
        .secondary_only(OnSecondary::ByOperationToken)
        .help("Deletes the operation token.", "The one that the shares have made counts no more.")
        .act::<Delete>(
            Verb::Write,
            acting(node, |node: Arc<Node>, delete: Delete, _: Instant| async move {
                let _ = delete.dr_operation_token;
                node.operation_token_delete().await.map_err(failure)?;
                Ok(Answer::empty())
            }),
        )
}

fn body(status: &GenerationStatus, otp: &str, token: &str) -> Attempt {
    Attempt {
        started: status.started,
        progress: status.progress,
        required: status.required,
        complete: !token.is_empty(),
        nonce: status.nonce.clone(),
        pgp_fingerprint: status.fingerprint.clone(),
        encoded_token: Some(token.to_owned()),
        encoded_root_token: Some(token.to_owned()),
        otp: Some(otp.to_owned()),
        otp_length: Some(Node::operation_token_length()),
    }
}
