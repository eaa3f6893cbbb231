//! Changes that no request asks for: what counts no more is swept away, a use is counted, a user locked out.

use storage::{Access, CommitError, Latches, Millis, RequestId, Term, TxnState};

use crate::lifecycle::Node;

/// Commits one batch, if it changes anything. `write` is not run again: who meets a conflict comes back later.
pub async fn change(
    node: &Node,
    now: Millis,
    term: Term,
    write: impl FnOnce(&mut TxnState) -> Result<(), Access>,
) -> Result<Vec<i64>, CommitError> {
    change_by(node, now, term, write).await
}

/// The same for what fails in ways of its own.
pub async fn change_by<E: std::fmt::Display>(
    node: &Node,
    now: Millis,
    term: Term,
    write: impl FnOnce(&mut TxnState) -> Result<(), E>,
) -> Result<Vec<i64>, CommitError> {
    let broken = |problem: Access| CommitError::Unavailable(problem.to_string());
    let snapshot = node.store.snapshot().map_err(|e| broken(e.into()))?;
    let mut state = TxnState::new(snapshot, Latches::new().begin());
    write(&mut state).map_err(|problem| CommitError::Unavailable(problem.to_string()))?;
    let (open, _latches) = state.finish();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let id = RequestId { applied: node.store.applied(), random: crypto::random() };
    let batch = node.store.seal(id, now, open).map_err(|e| broken(e.into()))?;
    node.store.commit(term, batch).await.map(|done| done.counters)
}
