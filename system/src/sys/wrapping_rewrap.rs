//! `sys/wrapping/rewrap`: moves what a wrapping token holds into a new one, with a fresh lifetime.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::wrap::{self, Wrapping};
use sdk::{Answer, Ctx, Path, Result, Txn, Verb};

use super::wrapping_lookup::Token;

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("wrapping/rewrap")
        .ids([(Verb::Write, "rewrap")])
        .help(
            "Moves an answer into a new wrapping token.",
            "The old token ends; the new one lives as long from now on.",
        )
        .txn(Verb::Write, move |ctx: &Ctx, input: Token, txn: &mut Txn| rewrap(&node, ctx, &input, txn))
}

fn rewrap(node: &Node, ctx: &Ctx, input: &Token, txn: &mut Txn) -> Result<Answer> {
    let held = wrap::take(node, txn, &input.named(ctx)?, ctx.now)?;
    let info = Wrapping { creation_time: ctx.now, ..held.info };
    let made = wrap::put(node, txn, ctx.namespace, info, &held.response)?;
    Ok(Answer { wrapped: Some(made), ..Answer::default() })
}
