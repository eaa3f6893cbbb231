//! `sys/leases/revoke-prefix/:prefix`, `sys/leases/revoke-force/:prefix`, and their older forms below `sys/`.
//!
//! There may be more leases than one batch can hold, so this is an act of several batches. It answers once all are
//! revoked that were there when it began, or says how many were.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::change::change;
use holdfast_core::lifecycle::Node;
use holdfast_core::replication::Role;
use holdfast_core::space;
use holdfast_core::token::{HALVINGS, Revoked};
use sdk::{Act, Answer, Failure, Input, Key, NamespaceId, Params, Path, Result, Verb};
use storage::CommitError;

/// How often one batch may be got in the way of by others, or be too large.
const TRIES_MAX: usize = 32;

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
            let done =
                self.batch(&below.prefix, after.as_ref(), deadline).await.map_err(|why| unfinished(revoked, &why))?;
            revoked += done.leases;
            after = done.next;
            if after.is_none() {
                return Ok(if below.sync { Answer::empty() } else { Answer::empty().status(202) });
            }
        }
    }
}

impl RevokePrefix {
    async fn batch(&self, prefix: &str, after: Option<&Key>, deadline: Instant) -> Result<Revoked, String> {
        let node = &self.0;
        let mut halvings = 0;
        for _ in 0..TRIES_MAX {
            if Instant::now() >= deadline {
                return Err("the request's time is up".into());
            }
            let Role::Active { term } = node.role() else { return Err("leadership has moved on".into()) };
            let now = node.replication.read_point(deadline.into()).await.map_err(|e| e.to_string())?;
            let mut revoked = None;
            let committed = change(node, now, term, |state| {
                let root = NamespaceId::root();
                let mut records = state.at(space::records(&root));
                revoked = Some(node.tokens.revoke_leases(&mut records, &root, prefix, after, halvings)?);
                Ok(())
            })
            .await;
            match (committed, revoked) {
                (Ok(_), Some(revoked)) => return Ok(revoked),
                (Err(CommitError::Conflict { .. }), _) => {}
                (Err(CommitError::TooLarge { .. }), _) if halvings < HALVINGS => halvings += 1,
                (Err(problem), _) => return Err(problem.to_string()),
                (Ok(_), None) => return Err("nothing was tried".into()),
            }
        }
        Err("other requests change the same leases all the time".into())
    }
}

fn unfinished(revoked: usize, why: &str) -> Failure {
    Failure::Unavailable(format!("{revoked} leases were revoked, and there are more: {why}. Send the request again."))
}
