//! `sys/generate-root/attempt`, `sys/generate-root-token/attempt`: a new root token is asked for.

use std::sync::Arc;

use holdfast_core::lifecycle::{GenerationStatus, Node};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Txn, Verb};
use serde::Serialize;
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

/// The attempt.
#[derive(Serialize, JsonSchema)]
pub(super) struct Attempt {
    pub started: bool,
    pub progress: usize,
    pub required: u8,
    pub complete: bool,
    pub nonce: String,
    pub pgp_fingerprint: String,
    /// The token, once it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_token: Option<String>,
    /// The same under its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_root_token: Option<String>,
    /// The one-time password, if the server has made it: it is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otp: Option<String>,
    /// How long it has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otp_length: Option<usize>,
}

pub fn path(node: &Arc<Node>, pattern: &'static str, form: Form) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Asks for a new root token.",
            "Shows, starts or cancels the attempt. There is one at a time, in the active node's memory: it is lost with it.",
        )
        .sudo()
        .answers(Verb::Read, form.outcome::<Attempt>())
        .answers(Verb::Write, form.outcome::<Attempt>())
        .txn(Verb::List, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Ok(not_listed()))
        // It writes nothing; but only the active node knows of the attempt.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let status = reads.generate_root_status().map_err(failure)?;
            form.answer(body(&status, form, ""))
        })
        .act::<Start>(
            Verb::Write,
            acting(node, move |node: Arc<Node>, start: Start, _: Instant| async move {
                let otp = zeroize::Zeroizing::new(start.otp.unwrap_or_default());
                let pgp_key = start.pgp_key.unwrap_or_default();
                let started = node.generate_root_start(&otp, &pgp_key).await.map_err(failure)?;
                let otp = started.otp.as_deref().map_or("", String::as_str);
                form.answer(body(&started.status, form, otp))
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

fn body(status: &GenerationStatus, form: Form, otp: &str) -> Attempt {
    let no_token = (form == Form::Bare).then(String::new);
    Attempt {
        started: status.started,
        progress: status.progress,
        required: status.required,
        complete: false,
        nonce: status.nonce.clone(),
        pgp_fingerprint: status.fingerprint.clone(),
        encoded_token: no_token.clone(),
        encoded_root_token: no_token,
        otp: Some(otp.to_owned()),
        otp_length: Some(Node::otp_length()),
    }
}
