//! `sys/leases/revoke-prefix/:prefix`, `sys/leases/revoke-force/:prefix`, and their older forms below `sys/`.
//!
//! There may be more leases than one batch can hold, so this is an act of several batches. It answers once all are
//! revoked that were there when it began, or says how many were.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use holdfast_core::token::Revoked;
use sdk::{Act, Answer, Failure, Input, Key, NamespaceId, Params, Path, Result, Verb};

use crate::batches::batch;

#[derive(Input)]
struct Below {
    /// The path that made the leases, or a part of it.
    prefix: String,
    /// Whether to answer once they are revoked. They are in either case.
    #[field(default = true)]
    sync: bool,
}

struct RevokePrefix(Arc<Node>);

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let of = |pattern, id, description| {
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Revokes all leases below a path.", description)
            .sudo()
            .act::<Below>(Verb::Write, RevokePrefix(Arc::clone(node)))
    };
    let (prefix, force) = (
        "Ends all leases that were given below a path, and what they are leases of.",
        "The same, whatever a plugin that is asked to revoke something answers.",
    );
    vec![
        of("leases/revoke-prefix/:prefix+", "leases-revoke-lease-with-prefix2", prefix),
        of("leases/revoke-force/:prefix+", "leases-force-revoke-lease-with-prefix2", force),
        of("revoke-prefix/:prefix+", "leases-revoke-lease-with-prefix", prefix),
        of("revoke-force/:prefix+", "leases-force-revoke-lease-with-prefix", force),
    ]
}

#[async_trait]
impl Act for RevokePrefix {
    async fn act(&self, params: &Params, deadline: Instant) -> Result<Answer> {
        let below = Below::parse(params)?;
        let (mut revoked, mut after) = (0, None);
        loop {
            let done = self.batch(&params.namespace().id, &below.prefix, after.as_ref(), deadline).await;
            let done = done.map_err(|why| unfinished(revoked, &why))?;
            revoked += done.leases;
            after = done.next;
            if after.is_none() {
                return Ok(if below.sync { Answer::empty() } else { Answer::empty().status(202) });
            }
        }
    }
}

impl RevokePrefix {
    async fn batch(
        &self,
        ns: &NamespaceId,
        prefix: &str,
        after: Option<&Key>,
        deadline: Instant,
    ) -> Result<Revoked, String> {
        let tokens = Arc::clone(&self.0.tokens);
        batch(&self.0, ns, deadline, |txn, halvings| tokens.revoke_leases(txn, prefix, after, halvings)).await
    }
}

fn unfinished(revoked: usize, why: &str) -> Failure {
    Failure::Unavailable(format!("{revoked} leases were revoked, and there are more: {why}. Send the request again."))
}
