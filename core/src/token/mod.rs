//! Tokens: stored under an HMAC of their id, so that whoever reads the store cannot use them.
//!
//! ```text
//! token / hmac             the record, in the records of the namespace that it belongs to, as the rest
//! accessor / name          accessor -> hmac
//! child / parent / key     for listing what a revocation takes with it; it may belong to a namespace below
//! released / parent / key  it lives on without that parent, which was revoked alone while its namespace was sealed
//! uses / hmac              a counter, for tokens with a use limit
//! lease / id, due / time   when it expires; the latter where the keyring's order of what is due is
//! ```
//!
//! A token counts only while its parent does, so revoking a tree is one small batch however large the tree is; what is
//! left of the descendants is swept with it, in bounds, and is dead either way.

mod batch;
mod create;
mod id;
mod leases;
mod login;
mod lookup;
mod record;
mod renew;
mod revoke;
pub mod second_factor;
#[cfg(test)]
mod tests;

pub use create::{Created, NewToken, NotCreated, RoleTerms};
pub use id::{ClientToken, TokenKey};
pub use leases::Revoked;
pub use login::{LoggedIn, auth_block, joined};
pub use lookup::{Valid, Why};
pub use record::{Origin, Purpose, TokenKind, TokenRecord};
pub use renew::{LoginTerms, Renewed, Terms};
pub use revoke::{HALVINGS, Orphaned, SWEEP_MAX, halved};

use std::sync::Arc;

use barrier::Barrier;
use sdk::Forget;
use storage::PathKey;

use crate::cache::RecordCache;
use crate::mount::TtlLimits;
use crate::namespace::Namespaces;

/// Everything done to tokens.
pub struct Tokens {
    barrier: Arc<Barrier>,
    cache: RecordCache<TokenRecord>,
    /// The paths of auth mounts by accessor.
    origins: RecordCache<String>,
    limits: TtlLimits,
    namespaces: Arc<Namespaces>,
}

impl Tokens {
    pub fn new(barrier: Arc<Barrier>, namespaces: Arc<Namespaces>, limits: TtlLimits) -> Self {
        Self { barrier, cache: RecordCache::new(50_000), origins: RecordCache::new(1_000), limits, namespaces }
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.cache.forget(which);
        self.origins.forget(which);
    }

    #[cfg(test)]
    pub(crate) fn keeps(&self, key: &TokenKey) -> bool {
        self.cache.keeps(&key.records().join(&record_key(key)))
    }

    /// Under which a token is stored.
    pub fn key_of(&self, token: &ClientToken) -> Result<TokenKey, storage::Access> {
        let mac = self.barrier.token_hmac(token.expose().as_bytes()).map_err(|_| storage::Access::Sealed)?;
        Ok(TokenKey::new(mac, &token.home()))
    }
}

fn record_key(key: &TokenKey) -> PathKey {
    PathKey::kind("token").plain(key.mac())
}

fn accessor_key(accessor: &str) -> PathKey {
    PathKey::kind("accessor").name(accessor)
}

fn children_key(parent: &TokenKey) -> PathKey {
    PathKey::kind("child").plain(parent.mac())
}

/// That `key` lives on without that parent, where its own record could not be changed.
fn released_key(parent: &TokenKey, key: &TokenKey) -> PathKey {
    PathKey::kind("released").plain(parent.mac()).plain(key.as_str())
}

fn uses_key(key: &TokenKey) -> PathKey {
    PathKey::kind("uses").plain(key.mac())
}
