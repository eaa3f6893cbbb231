//! `sys/rekey/verify`, `sys/rekey-recovery-key/verify`, `sys/rotate/root/verify`, `sys/rotate/recovery/verify`: the new
//! shares are given back before they count.

use std::sync::Arc;

use holdfast_core::lifecycle::{Node, ShareKind, VerifyProgress, VerifyStatus};
use schemars::JsonSchema;
use sdk::{Ctx, Input, Path, Txn, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::{Form, acting, failure, share};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Verify {
    /// One share of the new key.
    key: Option<String>,
    /// Of the verification, as the last update answered.
    nonce: Option<String>,
}

/// The verification goes on, or has come to its end.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Progress {
    More(Status),
    Done { nonce: String, complete: bool },
}

#[derive(Serialize, JsonSchema)]
struct Status {
    nonce: String,
    started: bool,
    t: u8,
    n: u8,
    progress: usize,
}

pub fn path(node: &Arc<Node>, pattern: &'static str, kind: ShareKind, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Takes one share of the new key.",
            "With the last one that is needed the new shares count, and the old ones do not any more.",
        )
        .sudo()
        .answers(Verb::Read, form.outcome::<Status>())
        .answers(Verb::Write, form.outcome::<Progress>())
        .answers(Verb::Delete, form.outcome::<Status>())
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            form.answer(body(&reads.rekey_verify_status(kind).map_err(failure)?))
        })
        .act::<Verify>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, verify: Verify, deadline: Instant| async move {
                let (share, nonce) = (share(verify.key)?, verify.nonce.unwrap_or_default());
                form.answer(match node.rekey_verify(kind, share, &nonce, deadline).await.map_err(failure)? {
                    VerifyProgress::More(status) => Progress::More(body(&status)),
                    VerifyProgress::Done { nonce } => Progress::Done { nonce, complete: true },
                })
            }),
        )
        .act::<Nothing>(
            Verb::Delete,
            acting(node, move |node: Arc<Node>, Nothing {}: Nothing, _: Instant| async move {
                form.answer(body(&node.rekey_verify_restart(kind).await.map_err(failure)?))
            }),
        )
}

fn body(status: &VerifyStatus) -> Status {
    Status {
        nonce: status.nonce.clone(),
        started: status.started,
        t: status.threshold,
        n: status.shares,
        progress: status.progress,
    }
}
