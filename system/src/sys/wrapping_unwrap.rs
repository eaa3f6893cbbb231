//! `sys/wrapping/unwrap`: takes out what a wrapping token holds, once.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::TokenKey;
use holdfast_core::wrap;
use sdk::{Answer, AuthBlock, Ctx, Failure, Input, Map, Outcome, Path, Result, Txn, Value, Verb};

#[derive(Input)]
struct Unwrap {
    /// The wrapping token; the caller's own if none is given.
    token: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("wrapping/unwrap")
        .ids([(Verb::Write, "unwrap")])
        // Whoever finds that a token was used already has to know: somebody else may have used it.
        .dead_token("wrapping token is not valid or does not exist")
        .help("Unwraps an answer.", "Answers what the wrapping token holds, as it was, and ends the token.")
        // Whatever was wrapped, as it was.
        .answers(Verb::Write, Outcome::body::<Map<String, Value>>())
        .txn(Verb::Write, move |ctx: &Ctx, input: Unwrap, txn: &mut Txn| unwrap(&node, ctx, &input, txn))
}

fn unwrap(node: &Node, ctx: &Ctx, input: &Unwrap, txn: &mut Txn) -> Result<Answer> {
    let held = if input.token.is_empty() {
        let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
        wrap::take_of(node, txn, TokenKey::of_caller(caller))?
    } else {
        wrap::take(node, txn, &holdfast_core::token::ClientToken::new(input.token.clone()), ctx.now)?
    };
    let answer: Map<String, Value> = serde_json::from_str(&held.response).map_err(Failure::internal)?;
    // Taken back if it cannot be audited.
    let auth = answer.get("auth").and_then(|auth| serde_json::from_value::<AuthBlock>(auth.clone()).ok());
    Ok(Answer { auth, ..Answer::bare(Value::Object(answer)) })
}
