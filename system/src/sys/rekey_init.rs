//! `sys/rekey/init`, `sys/rekey-recovery-key/init`, `sys/rotate/root/init`, `sys/rotate/recovery/init`: new shares are
//! asked for.

use std::sync::Arc;

use holdfast_core::lifecycle::{Node, RekeyOptions, RekeyStatus, ShareKind};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, StringList, Txn, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::{Form, acting, failure, not_listed};
use super::rekey_update;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Start {
    /// How many shares there are to be.
    secret_shares: Option<i64>,
    /// How many of them suffice.
    secret_threshold: Option<i64>,
    /// OpenPGP keys in base64, one for each share, to encrypt it to.
    pgp_keys: Option<StringList>,
    /// Whether the encrypted shares are kept until they are deleted.
    backup: Option<bool>,
    /// Whether the new shares count only once they have been given back.
    require_verification: Option<bool>,
}

#[derive(Input)]
struct Cancel {
    /// Of the attempt that is meant; any if it is left out.
    nonce: Option<String>,
}

/// The attempt.
#[derive(Serialize, JsonSchema)]
pub(super) struct Attempt {
    nonce: String,
    started: bool,
    t: u8,
    n: u8,
    progress: usize,
    pgp_fingerprints: Option<Vec<String>>,
    backup: bool,
    verification_required: bool,
    /// How many shares of the present key are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<u8>,
    /// The same, where the answer has an envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    seal_threshold: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_nonce: Option<String>,
}

pub fn path(node: &Arc<Node>, pattern: &'static str, kind: ShareKind, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Asks for new key shares.",
            "Shows, starts or cancels the attempt. There is one at a time, in the active node's memory: it is lost with it. A cluster \
             without recovery keys is given its first ones at once.",
        )
        .sudo()
        .answers(Verb::Read, form.outcome::<Attempt>())
        .answers(Verb::Write, form.outcome::<rekey_update::Progress>())
        .txn(Verb::List, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Ok(not_listed()))
        // It writes nothing; but only the active node knows of the attempt.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            form.answer(body(&reads.rekey_status(kind).map_err(failure)?, form))
        })
        .act::<Start>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, start: Start, _: Instant| async move {
                let options = RekeyOptions {
                    shares: start.secret_shares.unwrap_or_default(),
                    threshold: start.secret_threshold.unwrap_or_default(),
                    pgp_keys: start.pgp_keys.unwrap_or_default().0,
                    backup: start.backup.unwrap_or_default(),
                    verify: start.require_verification.unwrap_or_default(),
                };
                rekey_update::answer(&node, node.rekey_start(kind, options).await.map_err(failure)?, form)
            }),
        )
        .act::<Cancel>(
            Verb::Delete,
            acting(node, move |node: Arc<Node>, cancel: Cancel, _: Instant| async move {
                let nonce = cancel.nonce.filter(|nonce| !nonce.is_empty());
                node.rekey_cancel(kind, nonce.as_deref()).await.map_err(failure)?;
                Ok(Answer::empty())
            }),
        )
}

pub(super) fn body(status: &RekeyStatus, form: Form) -> Attempt {
    let required = |of: Form| (form == of).then_some(status.required);
    Attempt {
        nonce: status.nonce.clone(),
        started: status.started,
        t: status.threshold,
        n: status.shares,
        progress: status.progress,
        pgp_fingerprints: status.fingerprints.clone(),
        backup: status.backup,
        verification_required: status.verify,
        required: required(Form::Bare),
        seal_threshold: required(Form::Enveloped),
        verification_nonce: status.verification_nonce.clone(),
    }
}
