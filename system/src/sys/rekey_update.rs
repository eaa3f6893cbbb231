//! `sys/rekey/update`, `sys/rekey-recovery-key/update`, `sys/rotate/root/update`, `sys/rotate/recovery/update`: shares of
//! the present key come in; with the last one the new ones go out.

use std::sync::Arc;

use holdfast_core::lifecycle::{Counting, NewShares, Node, RekeyProgress, Rekeyed, ShareKind};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Outcome, Path, Result, Txn, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::{Form, NO_KEY, acting, failure, share, spelled};
use super::once::once;
use super::rekey_init;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Update {
    /// One share of the present key.
    key: Option<String>,
    /// Of the attempt.
    nonce: Option<String>,
}

/// The attempt goes on, or has come to its end.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Progress {
    More(rekey_init::Attempt),
    Done(Made),
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Made {
    nonce: String,
    complete: bool,
    keys: Vec<String>,
    keys_base64: Vec<String>,
    pgp_fingerprints: Option<Vec<String>>,
    backup: bool,
    verification_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_nonce: Option<String>,
}

const UNCERTAIN: &str =
    "leadership was lost while the new shares were stored: keep the old ones too, and try which of them unseal";

pub fn path(node: &Arc<Node>, pattern: &'static str, kind: ShareKind, form: Form) -> Path {
    Path::new(pattern)
        .help(
            "Takes one share of the present key.",
            "The last one that is needed answers with the new shares. Wrong shares are thrown away, the attempt stays.",
        )
        .sudo()
        // Nothing can be read here.
        .answers(Verb::Read, Outcome::EMPTY.status(400))
        .answers(Verb::Write, form.outcome::<Progress>())
        .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Err::<Answer, _>(Failure::invalid(NO_KEY)))
        .act::<Update>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, update: Update, _: Instant| async move {
                let (share, nonce) = (share(update.key)?, update.nonce.unwrap_or_default());
                answer(&node, node.rekey_update(kind, share, &nonce).await.map_err(failure)?, form)
            }),
        )
}

/// New shares that count without being verified do so once this answer is audited.
pub(super) fn answer(node: &Arc<Node>, progress: RekeyProgress, form: Form) -> Result<Answer> {
    match progress {
        RekeyProgress::More(status) => form.answer(Progress::More(rekey_init::body(&status, form))),
        RekeyProgress::Done(mut done) => {
            let pending = done.pending.take();
            let answer = form.answer(Progress::Done(body(&done)))?;
            Ok(match pending {
                Some(new) => answer.then(once(node, new, store)),
                None => answer,
            })
        }
    }
}

async fn store(node: Arc<Node>, new: NewShares, deadline: Instant) -> Result<Answer> {
    Ok(match node.rekey_finish(new, deadline).await.map_err(failure)? {
        Counting::Now => Answer::empty(),
        Counting::Perhaps => Answer::empty().warn(UNCERTAIN),
    })
}

fn body(done: &Rekeyed) -> Made {
    let (keys, keys_base64) = spelled(&done.keys);
    Made {
        nonce: done.nonce.clone(),
        complete: true,
        keys,
        keys_base64,
        pgp_fingerprints: done.fingerprints.clone(),
        backup: done.backup,
        verification_required: done.verification_nonce.is_some(),
        verification_nonce: done.verification_nonce.clone(),
    }
}
