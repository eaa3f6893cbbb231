//! `auth/token/revoke`, `revoke-self`, `revoke-accessor`, `revoke-orphan`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use holdfast_core::token::{Orphaned, SWEEP_MAX, TokenKey, Why, halved};
use sdk::{Act, Answer, Ctx, Failure, Input, Params, Path, Result, Txn, Verb};

use crate::batches::batch;

use super::{own, token_key};

#[derive(Input)]
struct Revoke {
    /// The token to revoke.
    token: String,
}

#[derive(Input)]
struct RevokeSelf {}

#[derive(Input)]
struct RevokeAccessor {
    /// The accessor of the token to revoke.
    accessor: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (any, own_token, accessor, orphan) = (Arc::clone(node), Arc::clone(node), Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("revoke")
            .ids([(Verb::Write, "token-revoke")])
            .help("Revokes a token.", "Revokes a token and everything that was made with it.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Revoke, txn: &mut Txn| {
                if let Some(key) = given(&any, ctx, txn, &input)? {
                    any.tokens.revoke(txn, &key)?;
                }
                Ok(Answer::empty())
            }),
        Path::new("revoke-self")
            .ids([(Verb::Write, "token-revoke-self")])
            .help("Revokes the calling token.", "Revokes the token of the request.")
            .txn(Verb::Write, move |ctx: &Ctx, RevokeSelf {}: RevokeSelf, txn: &mut Txn| {
                if ctx.caller.is_some_and(|c| c.batch) {
                    return Err(Failure::invalid("batch tokens cannot be revoked"));
                }
                own_token.tokens.revoke(txn, &own(ctx)?)?;
                Ok(Answer::empty())
            }),
        Path::new("revoke-accessor")
            .ids([(Verb::Write, "token-revoke-accessor")])
            .help("Revokes a token by its accessor.", "Revokes the token of an accessor and everything made with it.")
            .txn(Verb::Write, move |ctx: &Ctx, input: RevokeAccessor, txn: &mut Txn| {
                if input.accessor.is_empty() {
                    return Err(Failure::invalid("1 error occurred:\n\t* missing accessor\n\n"));
                }
                let known = accessor.tokens.by_accessor(&txn.as_view(), &ctx.namespace.id, &input.accessor)?;
                let Some(key) = known else {
                    return Ok(Answer::empty().warn("No token found with this accessor"));
                };
                accessor.tokens.revoke(txn, &key)?;
                Ok(Answer::empty())
            }),
        Path::new("revoke-orphan")
            .ids([(Verb::Write, "token-revoke-orphan")])
            .help("Revokes a token alone.", "Revokes a token; what was made with it stays, without a parent.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Revoke, txn: &mut Txn| {
                let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
                let path = format!("{}{}", ctx.mount.path, ctx.path);
                if !orphan.policies.has_sudo(txn, caller, &path, ctx.now)? {
                    return Err(Failure::invalid("root or sudo privileges required to revoke and orphan"));
                }
                let unknown = || Failure::invalid("token to revoke not found");
                let key = given(&orphan, ctx, txn, &input)?.ok_or_else(unknown)?;
                // One that counts no more has made nothing that does.
                match orphan.tokens.valid(&txn.as_view(), key.clone(), ctx.now) {
                    Ok(_) => {}
                    Err(Why::Access(access)) => return Err(access.into()),
                    Err(_) => return Err(unknown()),
                }
                match orphan.tokens.revoke_orphan(txn, &key, AT_ONCE_MAX)? {
                    Orphaned::Wholly => Ok(Answer::empty()),
                    Orphaned::InPart => Ok(Answer::empty().then(Arc::new(RevokeOrphan(Arc::clone(&orphan), key)))),
                    Orphaned::Unknown => Err(unknown()),
                }
            }),
    ]
}

fn given(node: &Node, ctx: &Ctx, txn: &Txn, input: &Revoke) -> Result<Option<TokenKey>> {
    if input.token.is_empty() {
        return Err(Failure::invalid("missing token ID"));
    }
    token_key(node, ctx, &txn.as_view(), &input.token, "revoked")
}

/// Goes on with the children that the request's own batch did not hold.
struct RevokeOrphan(Arc<Node>, TokenKey);

#[async_trait]
impl Act for RevokeOrphan {
    async fn act(&self, _params: &Params, deadline: Instant) -> Result<Answer> {
        let Self(node, key) = self;
        let tokens = Arc::clone(&node.tokens);
        loop {
            let step = |txn: &mut Txn, halvings| tokens.revoke_orphan(txn, key, halved(SWEEP_MAX, halvings));
            let done = batch(node, &key.home(), deadline, step).await.map_err(|why| {
                Failure::Unavailable(format!(
                    "the token is not revoked yet; some of what it made has no parent any more: {why}. Send the request again."
                ))
            })?;
            if done != Orphaned::InPart {
                return Ok(Answer::empty());
            }
        }
    }
}

/// How many children the request's own batch takes. Their records are as long as their makers wanted.
const AT_ONCE_MAX: usize = 64;
