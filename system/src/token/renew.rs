//! `auth/token/renew`, `renew-self`, `renew-accessor`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{Renewed, TokenKey};
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Seconds, Txn, Verb};

use super::lookup::node_accessor;
use super::{auth_block, own, token_key};

#[derive(Input)]
struct Renew {
    /// The token to renew.
    token: String,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

#[derive(Input)]
struct RenewSelf {
    /// Ignored: the calling token is renewed.
    #[field(deprecated)]
    token: Option<String>,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

#[derive(Input)]
struct RenewAccessor {
    /// The accessor of the token to renew.
    accessor: String,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (any, own_token, accessor) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("renew").help("Renews a token.", "Prolongs a token, within the limits it was made with.").txn(
            Verb::Write,
            move |ctx: &Ctx, input: Renew, txn: &mut Txn| {
                if input.token.is_empty() {
                    return Err(Failure::invalid("missing token ID"));
                }
                renew(&any, ctx, txn, &token_key(&any, &input.token)?, &input.token, input.increment)
            },
        ),
        Path::new("renew-self").help("Renews the calling token.", "Prolongs the token of the request.").txn(
            Verb::Write,
            move |ctx: &Ctx, input: RenewSelf, txn: &mut Txn| {
                let _ = input.token;
                let id = ctx.caller.map_or("", |c| c.client_token.as_str());
                renew(&own_token, ctx, txn, &own(ctx)?, id, input.increment)
            },
        ),
        Path::new("renew-accessor").help("Renews a token by its accessor.", "Prolongs the token of an accessor.").txn(
            Verb::Write,
            move |ctx: &Ctx, input: RenewAccessor, txn: &mut Txn| {
                let key = node_accessor(&accessor, txn, &input.accessor)?;
                renew(&accessor, ctx, txn, &key, "", input.increment)
            },
        ),
    ]
}

fn renew(node: &Node, ctx: &Ctx, txn: &mut Txn, key: &TokenKey, id: &str, by: Seconds) -> Result<Answer> {
    match node.tokens.renew(txn, ctx.now, key, by.0)? {
        Renewed::Done { record, warnings } => {
            let mut answer = Answer::auth(auth_block(id.to_owned(), &record, ctx.now));
            answer.warnings = warnings;
            Ok(answer)
        }
        Renewed::NotRenewable => Err(Failure::invalid("lease is not renewable")),
        Renewed::Unknown => Err(Failure::invalid("token not found")),
    }
}
