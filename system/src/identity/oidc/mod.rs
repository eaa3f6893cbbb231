//! `identity/oidc/`: identity tokens, and a provider that web applications log people in with. What is more than endpoints is in
//! the crate `oidc`.

mod assignment;
mod authorize;
mod client;
mod config;
mod given;
mod introspect;
mod issuer;
mod key;
mod key_rotate;
mod oauth;
mod pairs;
mod person;
mod provider;
mod provider_token;
mod provider_well_known;
mod role;
mod scope;
mod token;
mod userinfo;
mod well_known;

use std::sync::Arc;

use holdfast_core::due;
use holdfast_core::lifecycle::Node;
use oidc::Signers;
use sdk::{Ctx, Forget, Input, Millis, Path, Result, Txn};

#[derive(Input)]
struct Nothing {}

/// What its endpoints share.
pub struct Oidc {
    node: Arc<Node>,
    signers: Signers,
}

impl Oidc {
    pub fn new(node: &Arc<Node>) -> Arc<Self> {
        Arc::new(Self { node: Arc::clone(node), signers: Signers::default() })
    }

    pub fn paths(self: &Arc<Self>) -> Vec<Path> {
        vec![
            config::path(self),
            key::list(),
            key::one(),
            key_rotate::path(),
            role::list(),
            role::one(),
            token::path(self),
            introspect::path(self),
            well_known::discovery(self),
            well_known::keys(),
            assignment::list(),
            assignment::one(),
            scope::list(),
            scope::one(),
            client::list(),
            client::one(),
            provider::list(self),
            provider::one(self),
            provider_well_known::discovery(self),
            provider_well_known::keys(),
            authorize::path(),
            provider_token::path(self),
            userinfo::path(),
        ]
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.signers.forget(which);
    }
}

/// Has this mount asked what is due at `at`.
fn wake(ctx: &Ctx, txn: &mut Txn, at: Option<Millis>) -> Result<()> {
    at.map_or(Ok(()), |at| Ok(due::wake(txn, &ctx.namespace.id, at, "identity")?))
}
