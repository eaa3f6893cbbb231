//! `sys/rekey/verify`, `sys/rekey-recovery-key/verify`, `sys/rotate/root/verify`, `sys/rotate/recovery/verify`: the new
//! shares are given back before they count.

use std::sync::Arc;

use holdfast_core::lifecycle::{Node, ShareKind, VerifyProgress, VerifyStatus};
use sdk::{Ctx, Input, Path, Txn, Value, Verb, json};
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

pub fn path(node: &Arc<Node>, pattern: &'static str, kind: ShareKind, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Takes one share of the new key.",
            "With the last one that is needed the new shares count, and the old ones do not any more.",
        )
        .sudo()
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            Ok(form.answer(body(&reads.rekey_verify_status(kind).map_err(failure)?)))
        })
        .act::<Verify>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, verify: Verify, deadline: Instant| async move {
                let (share, nonce) = (share(verify.key)?, verify.nonce.unwrap_or_default());
                Ok(form.answer(match node.rekey_verify(kind, share, &nonce, deadline).await.map_err(failure)? {
                    VerifyProgress::More(status) => body(&status),
                    VerifyProgress::Done { nonce } => json!({"nonce": nonce, "complete": true}),
                }))
            }),
        )
        .act::<Nothing>(
            Verb::Delete,
            acting(node, move |node: Arc<Node>, Nothing {}: Nothing, _: Instant| async move {
                Ok(form.answer(body(&node.rekey_verify_restart(kind).await.map_err(failure)?)))
            }),
        )
}

fn body(status: &VerifyStatus) -> Value {
    json!({
        "nonce": status.nonce,
        "started": status.started,
        "t": status.threshold,
        "n": status.shares,
        "progress": status.progress,
    })
}
