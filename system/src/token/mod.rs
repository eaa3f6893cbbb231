//! `auth/token/`.

mod accessors;
mod create;
mod lookup;
mod renew;
mod revoke;
mod role;
mod roles;
mod tidy;

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::token::{ClientToken, TokenKey};
use sdk::{Backend, Ctx, Failure, MountInfo, Plugin, PluginKind, Result, View};

pub struct TokenAuth(Backend);

impl TokenAuth {
    /// `mountable` are the plugins whose logins give tokens: they are asked when such a token is to be renewed.
    pub fn new(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Self {
        let mut paths = Vec::new();
        paths.extend(create::paths(node));
        paths.extend(lookup::paths(node));
        paths.extend(renew::paths(node, mountable));
        paths.extend(revoke::paths(node));
        paths.push(accessors::path(node));
        paths.extend([roles::list(), roles::one(), tidy::path()]);
        Self(Backend::new("Tokens: making, looking up, renewing and revoking them.", paths))
    }
}

impl Plugin for TokenAuth {
    fn kind(&self) -> PluginKind {
        PluginKind::Auth
    }
    fn types(&self) -> &'static [&'static str] {
        &["token"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.0
    }
}

/// The key of the calling token.
fn own(ctx: &Ctx) -> Result<TokenKey> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    Ok(TokenKey::of_caller(caller))
}

/// The key of a token that has a record. `None`: nobody in this namespace knows it.
fn token_key(node: &Node, ctx: &Ctx, view: &View, token: &str, what: &str) -> Result<Option<TokenKey>> {
    if ClientToken::new(token.to_owned()).is_batch() {
        return Err(Failure::invalid(format!("batch tokens cannot be {what}")));
    }
    let key = node.tokens.key_of(&ClientToken::new(token.to_owned()))?;
    Ok(node.tokens.is_known_in(view, &ctx.namespace.id, &key)?.then_some(key))
}
