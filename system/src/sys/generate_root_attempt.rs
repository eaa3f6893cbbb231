//! `sys/generate-root/attempt`, `sys/generate-root-token/attempt`: a new root token is asked for.

use std::sync::Arc;

use holdfast_core::lifecycle::{GenerateRootStatus, Node};
use sdk::{Answer, Ctx, Input, Path, Txn, Value, Verb, json};
use tokio::time::Instant;

use super::ceremony::{Form, acting, failure, not_listed};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Start {
    /// A one-time password as long as a token; one is made if neither it nor a PGP key is given.
    otp: Option<String>,
    /// An OpenPGP key in base64 to encrypt the token to.
    pgp_key: Option<String>,
}

pub fn path(node: &Arc<Node>, pattern: &'static str, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Asks for a new root token.",
            "Shows, starts or cancels the attempt. There is one at a time, in the active node's memory: it is lost with it.",
        )
        .sudo()
        .txn(Verb::List, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Ok(not_listed()))
        // It writes nothing; but only the active node knows of the attempt.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let status = reads.generate_root_status().map_err(failure)?;
            Ok(form.answer(body(&status, form, "")))
        })
        .act::<Start>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, start: Start, _: Instant| async move {
                let otp = zeroize::Zeroizing::new(start.otp.unwrap_or_default());
                let pgp_key = start.pgp_key.unwrap_or_default();
                let started = node.generate_root_start(&otp, &pgp_key).await.map_err(failure)?;
                let otp = started.otp.as_deref().map_or("", String::as_str);
                Ok(form.answer(body(&started.status, form, otp)))
            }),
        )
        .act::<Nothing>(
            Verb::Delete,
            acting(node, |node: Arc<Node>, Nothing {}: Nothing, _: Instant| async move {
                node.generate_root_cancel().await;
                Ok(Answer::empty())
            }),
        )
}

fn body(status: &GenerateRootStatus, form: Form, otp: &str) -> Value {
    let mut body = json!({
        "started": status.started,
        "progress": status.progress,
        "required": status.required,
        "complete": false,
        "nonce": status.nonce,
        "pgp_fingerprint": status.fingerprint,
        "otp": otp,
        "otp_length": Node::otp_length(),
    });
    if form == Form::Bare {
        body["encoded_token"] = json!("");
        body["encoded_root_token"] = json!("");
    }
    body
}
