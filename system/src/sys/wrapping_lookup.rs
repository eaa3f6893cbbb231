//! `sys/wrapping/lookup`: what a wrapping token was made for. It is not used up.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::ClientToken;
use holdfast_core::wrap;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};
use serde::Serialize;

#[derive(Input)]
pub(super) struct Token {
    /// The wrapping token; the caller's own if none is given.
    pub token: String,
}

impl Token {
    /// The token that is meant.
    pub fn named(&self, ctx: &Ctx) -> Result<ClientToken> {
        let own = || ctx.caller.map(|caller| caller.client_token.as_str());
        let text = Some(self.token.as_str()).filter(|text| !text.is_empty()).or_else(own);
        let text = text.ok_or_else(|| Failure::invalid("missing \"token\" value in input"))?;
        Ok(ClientToken::new(text.to_owned()))
    }
}

#[derive(Serialize, JsonSchema)]
struct Properties {
    /// In seconds.
    creation_ttl: u64,
    creation_time: String,
    creation_path: String,
}

/// Open: whoever has a wrapping token may ask what it is.
pub fn path(node: &Arc<Node>) -> Path {
    let (read, write) = (Arc::clone(node), Arc::clone(node));
    let help = "Tells what a wrapping token was made for.";
    Path::new("wrapping/lookup")
        .ids([(Verb::Read, "read-wrapping-properties2"), (Verb::Write, "read-wrapping-properties")])
        .help(help, "Shows its lifetime in seconds, when it was made, and the path whose answer it holds.")
        .open()
        .view(Verb::Read, move |ctx: &Ctx, input: Token, view: &View| look(&read, ctx, &input, view))
        .view(Verb::Write, move |ctx: &Ctx, input: Token, view: &View| look(&write, ctx, &input, view))
}

fn look(node: &Node, ctx: &Ctx, input: &Token, view: &View) -> Result<Reply<Properties>> {
    let info = wrap::look(node, view, &input.named(ctx)?, ctx.now)?;
    Reply::data(Properties {
        creation_ttl: info.creation_ttl,
        creation_time: sdk::timestamp(info.creation_time),
        creation_path: info.creation_path,
    })
}
