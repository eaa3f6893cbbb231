//! What is too much for one batch: several, each of a bounded size, for as long as a request has.

use std::sync::Arc;
use std::time::Instant;

use holdfast_core::change::change;
use holdfast_core::lifecycle::Node;
use holdfast_core::replication::Role;
use holdfast_core::space;
use holdfast_core::token::HALVINGS;
use sdk::NamespaceId;
use storage::{Access, CommitError, Txn};

/// How often one batch may be got in the way of by others, or be too large.
const TRIES_MAX: usize = 32;

/// Commits one batch over a namespace's records. `write` is given how often it is to be halved, and may run several times.
pub async fn batch<T>(
    node: &Arc<Node>,
    ns: &NamespaceId,
    deadline: Instant,
    mut write: impl FnMut(&mut Txn, u32) -> Result<T, Access>,
) -> Result<T, String> {
    let mut halvings = 0;
    for _ in 0..TRIES_MAX {
        if Instant::now() >= deadline {
            return Err("the request's time is up".into());
        }
        let Role::Active { term } = node.role() else { return Err("leadership has moved on".into()) };
        let now = node.replication.read_point(deadline.into()).await.map_err(|e| e.to_string())?;
        let mut done = None;
        let committed = change(node, now, term, |state| {
            done = Some(write(&mut state.at(space::records(ns)), halvings)?);
            Ok(())
        })
        .await;
        match (committed, done) {
            (Ok(_), Some(done)) => return Ok(done),
            (Err(CommitError::Conflict { .. }), _) => {}
            (Err(CommitError::TooLarge { .. }), _) if halvings < HALVINGS => halvings += 1,
            (Err(problem), _) => return Err(problem.to_string()),
            (Ok(_), None) => return Err("nothing was tried".into()),
        }
    }
    Err("other requests change the same records all the time".into())
}
