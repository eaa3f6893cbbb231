//! Committing what a transaction came to.

use std::time::Duration;

use bytes::Bytes;
use sdk::Failure;
use storage::{CommitError, OpenBatch, Ran, RequestId, Revision, Term};
use tokio::time::{Instant, sleep};

use super::Run;
use crate::change::change;
use crate::lifecycle::Node;
use crate::replication::{Asker, Outcome};
use crate::response::Response;
use crate::token::TokenKey;
use crate::{quota, service, space};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);
/// Answers larger than this are not kept for forwarded requests; that they ran is.
const OUTCOME_MAX: usize = 64 * 1024;

pub(super) enum Committed {
    /// With the values of the counters it changed, and the state's revision after it.
    Now { counters: Vec<i64>, revision: Revision },
    /// The same request had committed already.
    Before(Ran),
    /// It relied on something that has changed.
    Again,
}

/// `kept` is what a forwarded request's sender may have once the answer itself is lost.
pub(super) async fn commit(
    node: &Node,
    run: &Run<'_>,
    open: OpenBatch,
    kept: Option<&Response>,
) -> Result<Committed, Failure> {
    let Some(term) = run.term else {
        return Err(Failure::Moved("this node cannot write; the active node can".into()));
    };
    let mut batch = node.store.seal(run.request.id, run.now, open).map_err(storage::Access::from)?;
    if let Some(response) = kept.filter(|response| run.forwarded && response.body.len() <= OUTCOME_MAX) {
        let sealed = service::seal_response(&node.barrier, run.request.id, response);
        batch.outcome = Some(Bytes::from(sealed.map_err(|_| Failure::Sealed)?));
    }
    #[cfg(feature = "faults")]
    crate::under_test::linger(run.path).await;
    match node.store.commit(term, batch).await {
        Ok(done) => Ok(Committed::Now { counters: done.counters, revision: done.revision }),
        Err(CommitError::Conflict { .. }) => Ok(Committed::Again),
        Err(CommitError::Floor { key }) if quota::leases::is_counter(&key) => {
            metrics::counter!("vault.quota.lease_count.violation").increment(1);
            Err(Failure::TooMany(format!("request path {:?}: lease count quota exceeded", run.path)))
        }
        Err(CommitError::Floor { .. }) => Err(Failure::denied("permission denied")),
        Err(error @ CommitError::TooLarge { .. }) => Err(Failure::TooLarge(error.to_string())),
        Err(CommitError::Repeated(ran)) => Ok(Committed::Before(ran)),
        Err(CommitError::NotActive) => {
            Err(Failure::Moved("leadership moved while the request ran; nothing was written".into()))
        }
        Err(CommitError::Unavailable(why)) => Err(Failure::Unavailable(format!("nothing was written: {why}"))),
        Err(CommitError::Unknown(id)) => match resolve(node, id, Asker::Itself, run.deadline).await {
            Outcome::Ran(ran) => Ok(Committed::Before(ran)),
            Outcome::NotRun => Err(Failure::Moved("leadership was lost; nothing was written".into())),
            Outcome::Unknown => Err(Failure::OutcomeUnknown(unknown(id))),
        },
    }
}

/// Asks the leader, the present one or the next, what became of a request.
pub(crate) async fn resolve(node: &Node, id: RequestId, asker: Asker, deadline: Instant) -> Outcome {
    while Instant::now() < deadline {
        if let Ok(outcome) = node.replication.outcome(id, asker, deadline).await {
            return outcome;
        }
        sleep(PAUSE).await;
    }
    Outcome::Unknown
}

pub(crate) fn unknown(id: RequestId) -> String {
    format!("outcome unknown: leadership was lost while request {id} ran; it may or may not have been carried out")
}

/// Takes one use of a token for a request that changes nothing else. Fails when none was left, or it cannot be counted:
/// such a request is not answered.
pub(super) async fn spend(node: &Node, run: &Run<'_>, term: Term, key: &TokenKey) -> Result<(), Failure> {
    let done = change(node, run.now, term, |state| {
        crate::token::Tokens::spend(&mut state.at(space::records(&key.home())), key);
        Ok(())
    })
    .await;
    match done {
        Ok(counters) => {
            if counters.contains(&0) {
                revoke(node, run, term, key, Doomed::Spent).await;
            }
            Ok(())
        }
        Err(CommitError::Floor { .. }) => Err(Failure::denied("permission denied")),
        Err(problem) => Err(Failure::Unavailable(format!("the token's use could not be counted: {problem}"))),
    }
}

/// Which token to revoke.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Doomed {
    /// If its uses are spent.
    Spent,
    Anyway,
}

/// Revokes a token, best effort: one whose uses are spent counts no more in any case, this removes what it leaves.
pub(super) async fn revoke(node: &Node, run: &Run<'_>, term: Term, key: &TokenKey, doomed: Doomed) {
    let done = change(node, run.now, term, |state| {
        let mut records = state.at(space::records(&key.home()));
        if doomed == Doomed::Spent && node.tokens.uses_left(&records.as_view(), key)? > 0 {
            return Ok(());
        }
        node.tokens.revoke(&mut records, key).map(|_| ())
    })
    .await;
    if let Err(problem) = done {
        tracing::warn!(%problem, "a token that counts no more could not be swept away");
    }
}
