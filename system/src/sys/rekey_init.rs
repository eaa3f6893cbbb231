//! `sys/rekey/init`, `sys/rekey-recovery-key/init`, `sys/rotate/root/init`, `sys/rotate/recovery/init`: new shares are
//! asked for.

use std::sync::Arc;

use holdfast_core::lifecycle::{Node, RekeyOptions, RekeyStatus, ShareKind};
use sdk::{Answer, Ctx, Input, Path, StringList, Txn, Value, Verb, json};
use tokio::time::Instant;

use super::ceremony::{Form, acting, failure, not_listed};

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

pub fn path(node: &Arc<Node>, pattern: &'static str, kind: ShareKind, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Asks for new key shares.",
            "Shows, starts or cancels the attempt. There is one at a time, in the active node's memory: it is lost with it.",
        )
        .sudo()
        .txn(Verb::List, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Ok(not_listed()))
        // It writes nothing; but only the active node knows of the attempt.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            Ok(form.answer(body(&reads.rekey_status(kind).map_err(failure)?, form)))
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
                let status = node.rekey_start(kind, options).await.map_err(failure)?;
                Ok(form.answer(body(&status, form)))
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

pub(super) fn body(status: &RekeyStatus, form: Form) -> Value {
    let required = if form == Form::Bare { "required" } else { "seal_threshold" };
    let mut body = json!({
        "nonce": status.nonce,
        "started": status.started,
        "t": status.threshold,
        "n": status.shares,
        "progress": status.progress,
        "pgp_fingerprints": status.fingerprints,
        "backup": status.backup,
        "verification_required": status.verify,
    });
    body[required] = json!(status.required);
    if let Some(nonce) = &status.verification_nonce {
        body["verification_nonce"] = json!(nonce);
    }
    body
}
