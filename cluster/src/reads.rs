//! From which log index on a read sees everything that was acknowledged before it began.
//!
//! The leader knows by its [`lease`](crate::lease). Without one it asks its followers, and a follower asks the leader. Such a
//! call serves many reads, but only those that arrived before it was *sent*: an answer on its way may already be older than a
//! later read.
//!
//! ```text
//! reads ──► round being gathered ──(no call on its way, or PATIENCE over)──► sent ──► index ──► wait until applied here ──► read
//!                  ▲ joinable until it is sent
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::LinearizerOption;
use openraft::errors::{LinearizableReadError, RaftError};
use parking_lot::Mutex;
use proto::cluster as pb;
use storage::Millis;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::lease::Lease;
use crate::network::{Lane, Link};
use crate::shared::{Leader, Shared, within_ms};

/// A state at or above `index` holds everything acknowledged before the point was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPoint {
    /// The cluster's time at that point.
    pub now: Millis,
    pub index: u64,
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    #[error("no leader answered in time: {0}")]
    NoLeader(String),
    #[error("this node was too far behind the leader to read in time")]
    Behind,
    #[error("this node has stopped")]
    Stopped,
}

pub(crate) struct Reads {
    shared: Arc<Shared>,
    rounds: Arc<Rounds>,
}

impl Reads {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, rounds: Arc::default() }
    }

    pub async fn point(self: &Arc<Self>, deadline: Instant) -> Result<ReadPoint, ReadError> {
        #[cfg(feature = "faults")]
        if crate::under_test::reads_unasked() && !self.shared.leadership.borrow().leads() {
            return Ok(ReadPoint { now: self.shared.now(), index: self.shared.reader.applied() });
        }
        let mut why = ReadError::NoLeader("nobody leads".to_owned());
        loop {
            if let Some(point) = self.under_lease() {
                return self.applied(point, deadline).await;
            }
            let Some(answer) = self.shared_answer(deadline).await? else { return Err(why) };
            match answer {
                Ok(point) => return self.applied(point, deadline).await,
                Err(ReadError::Stopped) => return Err(ReadError::Stopped),
                Err(error) => why = error,
            }
            if timeout_at(deadline, sleep(PAUSE)).await.is_err() {
                return Err(why);
            }
        }
    }

    /// `None`: there was none in time.
    async fn shared_answer(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<Option<Result<ReadPoint, ReadError>>, ReadError> {
        let reads = self.clone();
        let mut round =
            self.rounds.join(&self.shared.runtime, || async move { reads.ask(Instant::now() + CALL).await });
        match timeout_at(deadline, round.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => Ok(answer.clone()),
            Ok(Err(_)) => Err(ReadError::Stopped),
            Err(_) => Ok(None),
        }
    }

    fn under_lease(&self) -> Option<ReadPoint> {
        let index = if self.shared.read_index_only { None } else { self.shared.index_under_lease() }?;
        Some(ReadPoint { now: self.shared.now(), index })
    }

    async fn applied(&self, point: ReadPoint, deadline: Instant) -> Result<ReadPoint, ReadError> {
        if self.shared.reader.applied() >= point.index {
            return Ok(point);
        }
        let mut position = self.shared.reader.position();
        let reached = timeout_at(deadline, position.wait_for(|position| position.index() >= point.index)).await;
        match reached {
            Ok(Ok(_)) => Ok(point),
            Ok(Err(_)) => Err(ReadError::Stopped),
            Err(_) => Err(ReadError::Behind),
        }
    }

    async fn ask(&self, deadline: Instant) -> Result<ReadPoint, ReadError> {
        match self.shared.leader(deadline).await {
            None => Err(ReadError::NoLeader("nobody leads".to_owned())),
            Some(Leader::Myself { .. }) => self.as_leader(deadline).await,
            Some(Leader::Other { link, .. }) => self.of(&link, deadline).await,
        }
    }

    /// The point as this node knows it, if it leads: by its lease, if that runs.
    pub async fn here(&self, deadline: Instant) -> Result<ReadPoint, ReadError> {
        match self.under_lease() {
            Some(point) => Ok(point),
            None => self.as_leader(deadline).await,
        }
    }

    /// The same from consensus itself, behind everything that it was asked before.
    pub async fn as_leader(&self, deadline: Instant) -> Result<ReadPoint, ReadError> {
        let lease = Lease::length(self.shared.local.timing());
        let age = if self.shared.read_index_only { Duration::ZERO } else { lease };
        let option = LinearizerOption::new(Some(age), true);
        match timeout_at(deadline, self.shared.raft.get_read_linearizer(option)).await {
            Ok(Ok(linearizer)) => {
                let index = linearizer.read_log_id().index();
                Ok(ReadPoint { now: self.shared.now(), index })
            }
            Ok(Err(RaftError::APIError(error @ LinearizableReadError::ForwardToLeader(_)))) => {
                Err(ReadError::NoLeader(error.to_string()))
            }
            Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) | Err(_) => {
                Err(ReadError::NoLeader("too few nodes answer the leader".to_owned()))
            }
            Ok(Err(RaftError::Fatal(_))) => Err(ReadError::Stopped),
        }
    }

    async fn of(&self, leader: &Link, deadline: Instant) -> Result<ReadPoint, ReadError> {
        let request = pb::ReadIndexRequest { terms: Some(self.shared.local.terms()), within_ms: within_ms(deadline) };
        let mut peer = leader.peer(Lane::Control);
        match timeout_at(deadline, peer.read_index(request)).await {
            Ok(Ok(answer)) => match answer.into_inner() {
                pb::ReadIndexAnswer { not_leader: true, .. } => {
                    Err(ReadError::NoLeader(format!("{} does not lead any more", leader.member.name)))
                }
                pb::ReadIndexAnswer { index, now_ms, .. } => {
                    let now = Millis(now_ms);
                    self.shared.local.clock.tell(now);
                    Ok(ReadPoint { now, index })
                }
            },
            Ok(Err(status)) => Err(ReadError::NoLeader(self.shared.peers.failed(leader, &status).to_string())),
            Err(_) => Err(ReadError::NoLeader(format!("{} does not answer", leader.member.name))),
        }
    }
}

/// Calls, each shared by the reads that came before it was sent.
struct Rounds {
    gathering: Mutex<Option<Round>>,
    /// One permit.
    call: Semaphore,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { gathering: Mutex::new(None), call: Semaphore::new(1) }
    }
}

/// Comes to hold the call's answer, once.
type Round = watch::Receiver<Option<Result<ReadPoint, ReadError>>>;

impl Rounds {
    /// The round that has not been sent yet, or a new one.
    fn join<F>(self: &Arc<Self>, runtime: &Handle, call: impl FnOnce() -> F + Send + 'static) -> Round
    where
        F: Future<Output = Result<ReadPoint, ReadError>> + Send,
    {
        let mut gathering = self.gathering.lock();
        if let Some(round) = &*gathering {
            return round.clone();
        }
        let (answer, round) = watch::channel(None);
        *gathering = Some(round.clone());
        let rounds = self.clone();
        runtime.spawn(async move {
            // One that takes long, as to a leader far away, does not hold up the next.
            let _turn = timeout(PATIENCE, rounds.call.acquire()).await;
            metrics::counter!("holdfast.reads.calls").increment(1);
            // From here on nobody joins this round.
            rounds.gathering.lock().take();
            answer.send_replace(Some(call().await));
        });
        round
    }
}

/// For no longer than this does a call wait for the one before.
const PATIENCE: Duration = Duration::from_millis(2);
/// How long one call may take; the reads that wait may then ask again.
const CALL: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// The index that a call returns is the number of writes that had been acknowledged when it was sent.
    #[tokio::test]
    async fn a_read_never_shares_a_call_that_was_sent_before_it_came() {
        let rounds = Arc::new(Rounds::default());
        let (written, calls) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let join = || {
            let (written, calls, gate) = (written.clone(), calls.clone(), gate.clone());
            rounds.join(&Handle::current(), || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                let index = written.load(Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                Ok(ReadPoint { now: Millis(0), index })
            })
        };
        let first = join();
        while calls.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // The first call is on its way and has seen no write.
        written.store(1, Ordering::SeqCst);
        let later: Vec<_> = (0..100).map(|_| join()).collect();
        gate.add_permits(2);
        assert_eq!(index(first).await, 0);
        for round in later {
            assert_eq!(index(round).await, 1);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2, "a hundred reads shared one call");
    }

    async fn index(mut round: Round) -> u64 {
        round.wait_for(Option::is_some).await.unwrap().clone().unwrap().unwrap().index
    }
}
