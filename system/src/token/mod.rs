//! `auth/token/`.

mod accessors;
mod create;
mod lookup;
mod renew;
mod revoke;

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{ClientToken, TokenKey, TokenRecord};
use sdk::{AuthBlock, Backend, Ctx, Failure, MountInfo, Plugin, PluginKind, Result};

pub struct TokenAuth(Backend);

impl TokenAuth {
    pub fn new(node: &Arc<Node>) -> Self {
        let mut paths = Vec::new();
        paths.extend(create::paths(node));
        paths.extend(lookup::paths(node));
        paths.extend(renew::paths(node));
        paths.extend(revoke::paths(node));
        paths.push(accessors::path(node));
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

fn auth_block(token: String, record: &TokenRecord, now: storage::Millis) -> AuthBlock {
    AuthBlock {
        client_token: token,
        accessor: record.accessor.clone(),
        policies: record.policies.clone(),
        token_policies: record.policies.clone(),
        identity_policies: Vec::new(),
        metadata: record.meta.clone(),
        lease_duration: record.ttl(now),
        renewable: record.renewable,
        entity_id: record.entity_id.clone(),
        token_type: "service".into(),
        orphan: record.orphan(),
        mfa_requirement: None,
        num_uses: record.num_uses,
    }
}

fn token_key(node: &Node, token: &str) -> Result<TokenKey> {
    Ok(node.tokens.key_of(&ClientToken::new(token.to_owned()))?)
}
