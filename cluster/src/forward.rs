//! Requests that another node took and the leader runs, and what became of them.
//!
//! The payload is ciphertext and stays shut here. A request is handled in the very term that its sender named; the
//! handler runs to its end even when the sender is gone. While it runs, whoever asks for its outcome waits for it; so
//! "not run" is never said of a request that is at work.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use proto::cluster as pb;
use proto::cluster::forward_answer::{Refusal, Result as Answer};
use proto::cluster::outcome_answer::Kind;
use storage::{Ran, RequestId, Revision};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::leadership::Role;
use crate::machine;
use crate::network::{CallError, ForwardRefusal, Lane, Link, Verdict};
use crate::reads::Reads;
use crate::shared::{Leader, Shared, within_ms};

/// Runs what other nodes forward to this one. It must answer from within the term that leads now.
#[async_trait]
pub trait ForwardHandler: Send + Sync {
    async fn handle(&self, id: RequestId, from: u64, payload: Bytes) -> Bytes;

    /// A member that was started anew asks to be unsealed. The answer is sealed to the question, or says why there is none.
    async fn unseal(&self, _from: u64, _question: Bytes) -> Result<Bytes, String> {
        Err("this node unseals nobody".to_owned())
    }

    /// A node of a secondary, which has just enrolled, asks for what makes the copy readable.
    async fn welcome(&self, _secondary: &str, _from: u64, _question: Bytes) -> Result<Bytes, String> {
        Err("this node welcomes nobody".to_owned())
    }
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ForwardError {
    /// Nobody has seen the request.
    #[error("no leader could be reached in time")]
    NotSent,
    /// The leader may have run it: ask for its outcome.
    #[error("the leader was reached, but gave no answer")]
    Unclear,
    /// The node that was thought to lead has not looked at it.
    #[error("the node that was asked does not take the request: {0:?}")]
    Refused(ForwardRefusal),
}

/// What became of a request, as the leader knows.
pub type Outcome = Verdict;

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OutcomeError {
    #[error("no leader could tell in time what became of the request")]
    NoLeader,
}

pub(crate) struct Forwards {
    shared: Arc<Shared>,
    reads: Arc<Reads>,
    handler: Arc<dyn ForwardHandler>,
    /// Where handlers run: not where consensus does.
    app: Handle,
    at_work: AtWork,
}

impl Forwards {
    pub fn new(shared: Arc<Shared>, reads: Arc<Reads>, handler: Arc<dyn ForwardHandler>, app: Handle) -> Self {
        Self { shared, reads, handler, app, at_work: AtWork::default() }
    }

    pub async fn forward(&self, id: RequestId, payload: Bytes, deadline: Instant) -> Result<Bytes, ForwardError> {
        match self.shared.leader(deadline).await {
            None => Err(ForwardError::NotSent),
            Some(Leader::Myself { term }) => {
                self.handle(self.shared.id, term, id, payload, deadline).await.map_err(|why| match why {
                    None => ForwardError::Unclear,
                    Some(why) => ForwardError::Refused(why),
                })
            }
            Some(Leader::Other { term, link }) => self.send(&link, term, id, payload, deadline).await,
        }
    }

    async fn send(
        &self,
        link: &Link,
        term: u64,
        id: RequestId,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, ForwardError> {
        let request = pb::ForwardRequest {
            terms: Some(self.shared.local.terms()),
            id: id.to_bytes().to_vec().into(),
            payload,
            within_ms: within_ms(deadline),
            term,
        };
        let mut peer = link.peer(Lane::Data);
        let answered = tokio::select! {
            answered = timeout_at(deadline, peer.forward(request)) => answered,
            // One that stands still does not close its connections, and may have been followed by another long since.
            () = self.followed(term) => return Err(ForwardError::Unclear),
        };
        let answer = match answered {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => {
                return Err(match self.shared.peers.failed(link, &status) {
                    CallError::Unreachable { .. } | CallError::Refused { .. } => ForwardError::NotSent,
                    CallError::Broken { .. } => ForwardError::Unclear,
                });
            }
            Err(_) => return Err(ForwardError::Unclear),
        };
        match answer.result {
            Some(Answer::Payload(payload)) => Ok(payload),
            Some(Answer::Refusal(refusal)) => Err(match Refusal::try_from(refusal) {
                Ok(Refusal::NotLeader) => ForwardError::Refused(ForwardRefusal::NotLeader),
                Ok(Refusal::Busy) => ForwardError::Refused(ForwardRefusal::Busy),
                _ => ForwardError::NotSent,
            }),
            None => Err(ForwardError::Unclear),
        }
    }

    /// Comes back a while after another leader than that term's is known: what that one has done it could tell meanwhile.
    async fn followed(&self, term: u64) {
        let mut leadership = self.shared.leadership.subscribe();
        let other = leadership.wait_for(|now| now.term > term && now.role != Role::Unknown).await.is_ok();
        match other {
            true => sleep(FOLLOWED).await,
            // The node ends.
            false => std::future::pending().await,
        }
    }

    /// Runs a request here. `Err(None)` when it was still at work at the deadline.
    pub async fn handle(
        &self,
        from: u64,
        term: u64,
        id: RequestId,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, Option<ForwardRefusal>> {
        let leadership = self.shared.leadership.borrow().clone();
        if !leadership.is_ready() || leadership.term != term {
            return Err(Some(ForwardRefusal::NotLeader));
        }
        let work = self.at_work.begin(id).ok_or(Some(ForwardRefusal::Busy))?;
        let handler = self.handler.clone();
        let running = self.app.spawn(async move {
            let answer = handler.handle(id, from, payload).await;
            drop(work);
            answer
        });
        match timeout_at(deadline, running).await {
            Ok(Ok(answer)) => Ok(answer),
            // It panicked, or is still at work.
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    pub async fn outcome(&self, id: RequestId, deadline: Instant) -> Result<Outcome, OutcomeError> {
        self.find_out(id, deadline, Asker::Another).await
    }

    /// As [`outcome`](Self::outcome), for the request itself, which would wait for its own end there.
    pub async fn own_outcome(&self, id: RequestId, deadline: Instant) -> Result<Outcome, OutcomeError> {
        self.find_out(id, deadline, Asker::Itself).await
    }

    async fn find_out(&self, id: RequestId, deadline: Instant, asker: Asker) -> Result<Outcome, OutcomeError> {
        loop {
            let answer = match self.shared.leader(deadline).await {
                None => return Err(OutcomeError::NoLeader),
                Some(Leader::Myself { .. }) => match asker {
                    Asker::Another => self.outcome_here(id, deadline).await,
                    Asker::Itself => self.applied_outcome(id, deadline).await,
                },
                Some(Leader::Other { link, .. }) => self.ask(&link, id, deadline).await,
            };
            if let Some(outcome) = answer {
                return Ok(outcome);
            }
            if timeout_at(deadline, sleep(PAUSE)).await.is_err() {
                return Err(OutcomeError::NoLeader);
            }
        }
    }

    async fn ask(&self, link: &Link, id: RequestId, deadline: Instant) -> Option<Outcome> {
        let terms = Some(self.shared.local.terms());
        let request = pb::OutcomeRequest { terms, id: id.to_bytes().to_vec().into(), within_ms: within_ms(deadline) };
        let mut peer = link.peer(Lane::Control);
        let answer = match timeout_at(deadline, peer.ask_outcome(request)).await.ok()? {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                tracing::debug!(error = %self.shared.peers.failed(link, &status), "the outcome of a request cannot be asked");
                return None;
            }
        };
        match Kind::try_from(answer.kind).ok()? {
            Kind::Ran => {
                let revision = Revision::from_bytes(&answer.revision)?;
                Some(Outcome::Ran(Ran { revision, answer: answer.answer }))
            }
            Kind::NotRun => Some(Outcome::NotRun),
            Kind::Unknown => Some(Outcome::Unknown),
            Kind::NotLeader | Kind::Unspecified => None,
        }
    }

    /// As leader: what became of a request, once it is not at work any more. None if that cannot be said.
    pub async fn outcome_here(&self, id: RequestId, deadline: Instant) -> Option<Outcome> {
        self.at_work.end_of(&id, deadline).await?;
        self.applied_outcome(id, deadline).await
    }

    /// What the machine knows once everything is applied that this leader's log holds now: an entry that is in the log
    /// and not committed yet may still be.
    async fn applied_outcome(&self, id: RequestId, deadline: Instant) -> Option<Outcome> {
        let point = self.reads.as_leader(deadline).await.ok()?;
        let end = self.shared.metrics().last_log_index.unwrap_or_default().max(point.index);
        let mut position = self.shared.reader.position();
        timeout_at(deadline, position.wait_for(|position| position.index() >= end)).await.ok()?.ok()?;
        match self.shared.reader.outcome(&id) {
            Ok(machine::Outcome::Ran(ran)) => Some(Outcome::Ran(ran)),
            Ok(machine::Outcome::NotRun) => Some(Outcome::NotRun),
            Ok(machine::Outcome::Forgotten) => Some(Outcome::Unknown),
            Err(error) => {
                tracing::error!(error = %error, "the outcome of a request cannot be read");
                None
            }
        }
    }
}

/// Who wants to know what became of a request.
#[derive(Clone, Copy)]
enum Asker {
    Another,
    Itself,
}

/// The forwarded requests that are being handled, each once.
#[derive(Clone, Default)]
struct AtWork {
    ids: Arc<Mutex<HashMap<RequestId, watch::Receiver<()>>>>,
}

/// Takes the request off the list when it drops, and wakes whoever waits for that.
struct Work {
    list: AtWork,
    id: RequestId,
    _ends: watch::Sender<()>,
}

impl AtWork {
    fn begin(&self, id: RequestId) -> Option<Work> {
        let mut ids = self.ids.lock();
        if ids.len() >= AT_WORK || ids.contains_key(&id) {
            return None;
        }
        let (ends, end) = watch::channel(());
        ids.insert(id, end);
        Some(Work { list: self.clone(), id, _ends: ends })
    }

    async fn end_of(&self, id: &RequestId, deadline: Instant) -> Option<()> {
        let end = self.ids.lock().get(id).cloned();
        if let Some(mut end) = end {
            // An error says that the sender is gone, which is the end.
            timeout_at(deadline, end.changed()).await.ok()?.err();
        }
        Some(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.list.ids.lock().remove(&self.id);
    }
}

/// How many forwarded requests one node handles at once.
const AT_WORK: usize = 8192;
const PAUSE: Duration = Duration::from_millis(20);
/// For how long an answer of a leader that was followed by another is waited for.
const FOLLOWED: Duration = Duration::from_millis(500);
