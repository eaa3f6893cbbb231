//! The leader of a secondary: asks its primary, and puts what it hears into this cluster's own log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use proto::cluster as pb;
use proto::cluster::refused::Kind;
use storage::{RawKey, Revision, SealedSnapshot, StoreError, Stored, Value};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tonic::{Response, Status};

use super::compare::{self, Range};
use super::progress::POLL;
use super::serve::RANGES;
use super::stand::related;
use super::{CopyState, Difference, DrRole, Fed, SecondaryProgress, Source, Stand};
use crate::consensus::{Applied, Command, NodeId};
use crate::handover::Gate;
use crate::load::{Load, LoadError, Loads};
use crate::network::{Lane, Link};
use crate::propose::{ProposeError, propose};
use crate::shared::Shared;
use crate::time;

pub(crate) struct Following {
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
    pub loads: Arc<Loads>,
    progress: Mutex<SecondaryProgress>,
    /// Of the primary's members the one that answered last.
    answering: Mutex<Option<NodeId>>,
}

/// Why following ended for now.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the primary is not reached: {0}")]
    Unreached(String),
    #[error("{0}")]
    Refused(String),
    #[error("what the primary has sent is malformed: {0}")]
    Malformed(String),
    /// Its leader has changed, or has let go of the moment that is compared.
    #[error("the primary has begun anew: {0}")]
    Gone(&'static str),
    #[error("this cluster cannot take what comes: {0}")]
    Load(#[from] LoadError),
    #[error("this cluster cannot take what comes: {0}")]
    Propose(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is asked of the primary's leader.
#[async_trait]
trait Question: Clone + Send + Sync {
    type Answer: Send;

    async fn put(self, link: &Link) -> Result<Response<Self::Answer>, Status>;
    fn refused(answer: &Self::Answer) -> Option<&pb::Refused>;
}

impl Following {
    pub fn new(shared: Arc<Shared>, gate: Arc<Gate>, loads: Arc<Loads>) -> Self {
        Self { shared, gate, loads, progress: Mutex::default(), answering: Mutex::default() }
    }

    pub fn progress(&self) -> SecondaryProgress {
        self.progress.lock().clone()
    }

    /// Follows whenever this node leads a secondary that has a primary.
    pub async fn run(self: Arc<Self>) {
        let (mut leadership, mut standing) = (self.shared.leadership.subscribe(), self.shared.reader.standing());
        let mut pause = RETRY_FIRST;
        loop {
            let now = leadership.borrow_and_update().clone();
            let source = standing.borrow_and_update().source().cloned();
            let turn = source.filter(|source| now.is_ready() && !source.primary.is_empty());
            let Some(source) = turn else {
                *self.progress.lock() = SecondaryProgress::default();
                tokio::select! {
                    changed = leadership.changed() => if changed.is_err() { return },
                    changed = standing.changed() => if changed.is_err() { return },
                }
                continue;
            };
            let began = Instant::now();
            let problem = tokio::select! {
                problem = self.follow(now.term) => Some(problem),
                changed = leadership.wait_for(|other| other.term != now.term || !other.is_ready()) => {
                    if changed.is_err() { return }
                    None
                }
                changed = standing.wait_for(|other| !other.source().is_some_and(|other| same_turn(other, &source))) => {
                    if changed.is_err() { return }
                    None
                }
            };
            let Some(problem) = problem else { continue };
            if began.elapsed() > STABLE {
                pause = RETRY_FIRST;
            }
            {
                let mut progress = self.progress.lock();
                let text = problem.to_string();
                if progress.problem.as_ref() != Some(&text) {
                    tracing::warn!(problem = %text, "this secondary does not follow its primary at the moment");
                }
                (progress.problem, progress.state, progress.since) = (Some(text), CopyState::Idle, None);
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    /// Until something is in the way.
    async fn follow(&self, term: u64) -> Problem {
        loop {
            if let Err(problem) = self.once(term).await {
                return problem;
            }
        }
    }

    async fn once(&self, term: u64) -> Result<(), Problem> {
        if self.shared.reader.loading().is_some_and(|loading| loading.merging.is_some()) {
            self.progress.lock().state = CopyState::Merging;
            self.loads.bring_to_its_end().await?;
        }
        let adopting = self.source().is_some_and(|source| source.adopting.is_some());
        if adopting {
            self.progress.lock().state = CopyState::Copying;
            return self.bring_over(true, "this cluster had a history of its own").await;
        }
        let (revision, fingerprint) = self.shared.moment();
        let request = pb::FollowRequest {
            revision: revision.to_bytes().to_vec().into(),
            fingerprint: fingerprint.to_vec().into(),
            within_ms: u32::try_from(POLL.as_millis()).unwrap_or(u32::MAX),
            members: self.shared.members_out(),
            from: self.shared.id,
            clock_ms: time::wall().0,
        };
        let answer = self.call(POLL + ONE, request).await?;
        self.note(&answer, revision)?;
        if answer.unknown {
            let reason = "what it has is not, or not any more, in what the primary keeps for it";
            self.progress.lock().state = CopyState::Comparing;
            return self.bring_over(false, reason).await;
        }
        if answer.steps.is_empty() {
            return self.note_primary(term, answer.members, answer.reign).await;
        }
        let (said, reign) = (answer.members, answer.reign);
        let steps: Result<Vec<Fed>, _> = answer.steps.into_iter().map(|step| Fed::decode(copied(&step))).collect();
        let steps = steps.map_err(|error| Problem::Malformed(error.to_string()))?;
        match propose(&self.shared, &self.gate, term, Command::Follow(steps.into())).await {
            Ok(Applied::Followed(true)) => {}
            Ok(_) => {
                self.progress.lock().state = CopyState::Comparing;
                return self.bring_over(false, "what the primary has sent does not follow on what is here").await;
            }
            Err(error) => return Err(error.into()),
        }
        self.note_in_step();
        self.note_primary(term, said, reign).await
    }

    fn source(&self) -> Option<Source> {
        self.shared.reader.standing().borrow().source().cloned()
    }

    fn note(&self, answer: &pb::FollowAnswer, own: Revision) -> Result<(), Problem> {
        let revision = revision_in(&answer.revision)?;
        let now = Instant::now();
        let mut progress = self.progress.lock();
        if progress.state != CopyState::Following && !answer.unknown {
            tracing::info!(%own, primary = %revision, "this secondary follows its primary");
            (progress.state, progress.since) = (CopyState::Following, Some(time::wall()));
        }
        progress.problem = None;
        progress.primary_revision = Some(revision);
        progress.answered = Some(now);
        progress.clock_skew = Some(answer.clock_ms.cast_signed().saturating_sub(time::wall().0.cast_signed()));
        if revision == own {
            progress.in_step = Some(now);
        }
        Ok(())
    }

    fn note_in_step(&self) {
        let own = self.shared.moment().0;
        let mut progress = self.progress.lock();
        if progress.primary_revision == Some(own) {
            progress.in_step = Some(Instant::now());
        }
    }

    /// Keeps in mind where the primary's members are now, and in which reign.
    async fn note_primary(&self, term: u64, said: Vec<pb::Member>, reign: u64) -> Result<(), Problem> {
        let now = related(said).map_err(Problem::Malformed)?;
        let standing = self.shared.reader.standing().borrow().clone();
        let reign = standing.reign.max(reign);
        let news = |source: &&Source| source.told != now || standing.reign != reign;
        let Some(source) = standing.source().filter(news) else { return Ok(()) };
        let role = DrRole::Secondary(source.hearing(now));
        let stand = Arc::new(Stand { seen: standing.version, role, reign, epoch: None });
        match propose(&self.shared, &self.gate, term, Command::Stand(stand)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches all of the primary's state, or what differs from this one's, and puts it in its place.
    async fn bring_over(&self, whole: bool, reason: &str) -> Result<(), Problem> {
        let ours: Option<Arc<dyn SealedSnapshot>> = if whole { None } else { Some(self.shared.reader.snapshot()?) };
        tracing::info!(whole, reason, "this secondary fetches what it lacks of its primary's records");
        let base = ours.as_ref().map_or_else(Default::default, |ours| (ours.revision(), ours.fingerprint()));
        let mut load = self.loads.begin().await?;
        let mut brought = Brought::default();
        let mut from = compare::start();
        let moment = loop {
            let Some(ours) = ours.clone() else {
                // Nothing here is worth a comparison: a moment of the primary is asked for, and all of it.
                let moment = self.compare(&mut brought, &[]).await?;
                let all = Range { from: from.clone(), to: Vec::new(), sha256: [0; 32] };
                self.fetch(&mut load, &mut brought, None, &all).await?;
                break moment;
            };
            let (reads, start) = (Arc::clone(&ours), from.clone());
            let window = blocking(move || compare::ranges(&*reads, &start, RANGES)).await?;
            let moment = self.compare(&mut brought, &window).await?;
            for (range, differs) in window.iter().zip(&moment.differs) {
                if *differs {
                    self.fetch(&mut load, &mut brought, Some(Arc::clone(&ours)), range).await?;
                }
            }
            match window.last() {
                Some(last) if !last.to.is_empty() => from.clone_from(&last.to),
                _ => break moment,
            }
        };
        let (revision, fingerprint) = (revision_in(&moment.revision)?, fingerprint_in(&moment.fingerprint)?);
        self.progress.lock().state = CopyState::Merging;
        if whole {
            load.adopt(revision, fingerprint).await?;
        } else {
            // What was compared must still be what is here.
            load.merge(base, (revision, fingerprint)).await?;
            self.loads.bring_to_its_end().await?;
        }
        let Brought { fetched, removed, .. } = brought;
        tracing::info!(fetched, removed, %revision, "this secondary has what its primary had at that revision");
        let difference = Difference { at: time::wall(), reason: reason.to_owned(), fetched, removed };
        self.progress.lock().last_difference = Some(difference);
        Ok(())
    }

    async fn compare(&self, brought: &mut Brought, window: &[Range]) -> Result<pb::CompareRangesAnswer, Problem> {
        let range = |range: &Range| pb::Range {
            from: range.from.clone().into(),
            to: range.to.clone().into(),
            sha256: range.sha256.to_vec().into(),
        };
        let request = pb::CompareRangesRequest { session: brought.session, ranges: window.iter().map(range).collect() };
        let answer = self.call(LONG, request).await?;
        if answer.gone || answer.differs.len() != window.len() {
            return Err(Problem::Gone("it does not know any more what it was compared with"));
        }
        brought.session = answer.session;
        Ok(answer)
    }

    /// What differs in one range, page by page.
    async fn fetch(
        &self,
        load: &mut Load,
        brought: &mut Brought,
        ours: Option<Arc<dyn SealedSnapshot>>,
        range: &Range,
    ) -> Result<(), Problem> {
        let held = match ours {
            None => Vec::new(),
            Some(ours) => {
                let (from, to) = (range.from.clone(), range.to.clone());
                blocking(move || compare::held(&*ours, &from, &to)).await?
            }
        };
        let mut from = range.from.clone();
        loop {
            let left = held.iter().filter(|(key, _)| *key >= from);
            let request = pb::FetchRangeRequest {
                session: brought.session,
                from: from.clone().into(),
                to: range.to.clone().into(),
                held: left.map(|(key, digest)| pb::Held { key: key.clone().into(), digest: *digest }).collect(),
            };
            let answer = self.call(LONG, request).await?;
            if answer.gone {
                return Err(Problem::Gone("it does not know any more what it was compared with"));
            }
            if !answer.next.is_empty() && answer.next <= from {
                return Err(Problem::Malformed("a page that does not go on".to_owned()));
            }
            let mut records = Vec::with_capacity(answer.records.len() + answer.removed.len());
            brought.fetched += answer.records.len() as u64;
            brought.removed += answer.removed.len() as u64;
            for record in answer.records {
                let (key, stored) = record_in(record)?;
                records.push((key, Some(stored)));
            }
            for key in answer.removed {
                records.push((key_in(&key)?, None));
            }
            if !records.is_empty() {
                load.add_difference(records).await?;
            }
            match answer.next.is_empty() {
                true => return Ok(()),
                false => from = answer.next.into(),
            }
        }
    }

    /// Asks the primary's leader, whichever of its members that is.
    async fn call<Q: Question>(&self, within: Duration, question: Q) -> Result<Q::Answer, Problem> {
        let source = self.source().ok_or(Problem::Propose("it is no secondary any more"))?;
        let last = *self.answering.lock();
        let mut members = source.primary;
        members.sort_by_key(|(id, _)| Some(*id) != last);
        let (mut problems, mut refusal) = (Vec::new(), None);
        for (id, member) in members {
            let link = self.shared.abroad.link(id, &member).map_err(|error| Problem::Refused(error.to_string()))?;
            match timeout(within, question.clone().put(&link)).await {
                Err(_) => problems.push(format!("{} does not answer", member.name)),
                Ok(Err(status)) => problems.push(self.shared.abroad.failed(&link, &status).to_string()),
                Ok(Ok(answer)) => {
                    let answer = answer.into_inner();
                    match Q::refused(&answer) {
                        None => {
                            *self.answering.lock() = Some(id);
                            let mut progress = self.progress.lock();
                            // Whatever was in the way before.
                            (progress.answering, progress.problem) = (Some((id, member)), None);
                            return Ok(answer);
                        }
                        Some(refused) if refused.kind() == Kind::NotLeader => {
                            problems.push(format!("{} does not lead", member.name));
                        }
                        Some(refused) => {
                            let reason: String = refused.reason.chars().take(REASON_MAX).collect();
                            refusal = Some(format!("{} at {}: {reason}", member.name, member.address));
                        }
                    }
                }
            }
        }
        self.answering.lock().take();
        self.progress.lock().answering = None;
        Err(refusal.map_or_else(|| Problem::Unreached(problems.join("; ")), Problem::Refused))
    }
}

/// What a comparison has come to so far.
#[derive(Default)]
struct Brought {
    session: u64,
    fetched: u64,
    removed: u64,
}

impl From<ProposeError> for Problem {
    fn from(error: ProposeError) -> Self {
        Self::Propose(match error {
            ProposeError::NotActive => "this node does not lead",
            ProposeError::Unavailable(why) => why,
            ProposeError::Unknown => "leadership was lost",
        })
    }
}

#[async_trait]
impl Question for pb::FollowRequest {
    type Answer = pb::FollowAnswer;

    async fn put(self, link: &Link) -> Result<Response<Self::Answer>, Status> {
        link.replica(Lane::Data).follow(self).await
    }

    fn refused(answer: &Self::Answer) -> Option<&pb::Refused> {
        answer.refused.as_ref()
    }
}

#[async_trait]
impl Question for pb::CompareRangesRequest {
    type Answer = pb::CompareRangesAnswer;

    async fn put(self, link: &Link) -> Result<Response<Self::Answer>, Status> {
        link.replica(Lane::Snapshot).compare_ranges(self).await
    }

    fn refused(answer: &Self::Answer) -> Option<&pb::Refused> {
        answer.refused.as_ref()
    }
}

#[async_trait]
impl Question for pb::FetchRangeRequest {
    type Answer = pb::FetchRangeAnswer;

    async fn put(self, link: &Link) -> Result<Response<Self::Answer>, Status> {
        link.replica(Lane::Snapshot).fetch_range(self).await
    }

    fn refused(answer: &Self::Answer) -> Option<&pb::Refused> {
        answer.refused.as_ref()
    }
}

/// Whether a standing still is what is being followed; where the primary's members are may change.
fn same_turn(now: &Source, then: &Source) -> bool {
    now.id == then.id
        && !now.primary.is_empty()
        && now.fenced == then.fenced
        && (now.adopting.is_none() || then.adopting.is_some())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let done = spawn_blocking(work).await;
    Ok(done.map_err(|_| Problem::Propose("this node has stopped"))??)
}

/// Apart from the message that it came in, which would stay in memory as long as it does.
fn copied(bytes: &[u8]) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(bytes)
}

fn revision_in(bytes: &[u8]) -> Result<Revision, Problem> {
    Revision::from_bytes(bytes).ok_or_else(|| Problem::Malformed("a revision".to_owned()))
}

fn fingerprint_in(bytes: &[u8]) -> Result<[u8; 32], Problem> {
    bytes.try_into().map_err(|_| Problem::Malformed("a fingerprint".to_owned()))
}

fn key_in(bytes: &[u8]) -> Result<RawKey, Problem> {
    let key = RawKey::parse(bytes.to_vec()).ok().filter(|key| key.class() == storage::Class::Replicated);
    key.ok_or_else(|| Problem::Malformed("a key".to_owned()))
}

fn record_in(record: pb::Record) -> Result<(RawKey, Stored), Problem> {
    let value = match record.value {
        Some(pb::record::Value::Bytes(bytes)) => Value::Bytes(copied(&bytes)),
        Some(pb::record::Value::Counter(n)) => Value::Counter(n),
        None => return Err(Problem::Malformed("a record without a value".to_owned())),
    };
    Ok((key_in(&record.key)?, Stored { revision: revision_in(&record.revision)?, value }))
}

/// How long a member of the primary may take beyond what it may wait, and for a comparison.
const ONE: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(30);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// After so long without a problem the next one is a first.
const STABLE: Duration = Duration::from_secs(10);
const REASON_MAX: usize = 300;
