//! What the leader of a primary answers its secondaries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use crypto::{ct_eq, sha256};
use proto::cluster as pb;
use proto::cluster::refused::Kind;
use storage::{Millis, RawKey, Revision, StoreError, Value};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;

use super::compare::{self, Range};
use super::progress::POLL;
use super::sessions::Sessions;
use super::stand::related;
use super::{Contacts, DrRole, Enrolment, Fence, Foreign, PrimaryProgress, Secondary, Stand, Standing, Stands};
use crate::consensus::{Command, Member, NodeId};
use crate::forward::ForwardHandler;
use crate::identity::PublicKey;
use crate::machine::Behind;
use crate::network::ReplicaAnswers;
use crate::propose::propose;
use crate::reads::Reads;
use crate::shared::Shared;
use crate::time;

pub(crate) struct Serving {
    pub shared: Arc<Shared>,
    pub stands: Arc<Stands>,
    pub fence: Arc<Fence>,
    pub reads: Arc<Reads>,
    pub contacts: Arc<Contacts>,
    pub sessions: Sessions,
    pub handler: Arc<dyn ForwardHandler>,
    /// Where handlers run: not where consensus does.
    pub app: Handle,
    /// What the feed may take on the disk.
    pub feed_max: u64,
}

/// Why a question gets no answer but that.
type Refusal = pb::Refused;

fn refused(kind: Kind, reason: &str) -> Refusal {
    pb::Refused { kind: kind.into(), reason: reason.to_owned() }
}

/// For the secondary's operators to read.
const NOT_ITS_PRIMARY: &str = "it does not count this cluster as its secondary any more: it was revoked there, or that cluster is \
    no primary now; look at dr/status there, and give this cluster an activation token of the primary (update-primary)";

fn not_leader() -> Refusal {
    refused(Kind::NotLeader, "another member leads, or none does at the moment")
}

impl Serving {
    /// Whether a majority says so.
    async fn leads_now(&self) -> bool {
        self.reads.as_leader(Instant::now() + POLL).await.is_ok()
    }

    /// As a leader of a primary, to a node of one of its secondaries. Answers which.
    fn secondary(&self, from: &Foreign) -> Result<(String, Arc<Standing>), Refusal> {
        if !self.shared.leadership.borrow().is_ready() {
            return Err(not_leader());
        }
        let standing = self.shared.reader.standing().borrow().clone();
        match from {
            Foreign::Secondary(id) if standing.followers().iter().any(|known| known.id == *id) => {
                Ok((id.clone(), standing))
            }
            _ => Err(refused(Kind::NotPrimary, NOT_ITS_PRIMARY)),
        }
    }

    /// Keeps in mind where the nodes of a secondary are now.
    async fn note_members(&self, id: &str, standing: &Standing, said: Vec<pb::Member>) {
        let Ok(members) = related(said) else { return };
        let mut secondaries = standing.secondaries().to_vec();
        let Some(secondary) = secondaries.iter_mut().find(|known| known.id == id) else { return };
        // Since it follows, its token has done what it is for.
        let now = Enrolment::Enrolled { members, shown: None };
        if secondary.enrolment == now {
            return;
        }
        secondary.enrolment = now;
        let role = DrRole::Primary { secondaries };
        let stand = Stand { seen: standing.version, role, reign: standing.reign, epoch: None };
        if let Err(error) = self.stands.propose(stand).await {
            tracing::debug!(secondary = id, %error, "where its nodes are could not be written down");
        }
    }

    /// What is behind a moment of the history, as soon as there is something or the time is over. Who asks has what leads to
    /// it: that is known from the beginning, not only when it asks for the next.
    async fn behind(
        &self,
        at: Revision,
        fingerprint: [u8; 32],
        until: Instant,
        mut heard: impl FnMut(bool) + Send,
    ) -> Result<Behind, Status> {
        let mut position = self.shared.reader.position();
        let mut waited = false;
        loop {
            position.mark_unchanged();
            let reader = self.shared.reader.clone();
            let read = spawn_blocking(move || reader.fed_behind(at, fingerprint, ANSWER)).await;
            let behind = read.map_err(internal)?.map_err(internal)?;
            let nothing = matches!(&behind, Behind::Steps(steps) if steps.is_empty());
            if behind != Behind::Unknown {
                heard(nothing || waited);
            }
            waited = true;
            if !nothing || Instant::now() >= until {
                return Ok(behind);
            }
            // Wakes for every entry; most of them are steps, and each change of the standing is one.
            let _ = timeout_at(until, position.changed()).await;
        }
    }

    /// As leader, keeps the feed as short as its followers allow, and within its bound whatever they do.
    pub async fn keep_short(self: Arc<Self>) {
        let (mut last, mut term) = (Revision::default(), 0);
        loop {
            sleep(KEEP).await;
            self.sessions.sweep();
            let leadership = self.shared.leadership.borrow().clone();
            if leadership.term != term {
                term = leadership.term;
                self.contacts.forget();
            }
            let standing = self.shared.reader.standing().borrow().clone();
            if !leadership.is_ready() || !standing.feeds() {
                continue;
            }
            let bytes = self.shared.reader.feed_bytes().unwrap_or(0);
            if bytes < WORTH_IT.min(self.feed_max / 4) {
                continue;
            }
            let upto = match bytes > self.feed_max {
                true => {
                    tracing::warn!(bytes, "a secondary is so far behind that the feed is cut; it will have to compare");
                    self.within(self.feed_max / 4 * 3).await
                }
                false => self.contacts.acknowledged(&standing),
            };
            if let Some(upto) = upto.filter(|upto| *upto != last) {
                match propose(&self.shared, &self.stands.gate, term, Command::Trim(upto)).await {
                    Ok(_) => last = upto,
                    Err(_) => tracing::debug!("the feed could not be cut yet"),
                }
            }
        }
    }

    async fn within(&self, bytes: u64) -> Option<Revision> {
        let reader = self.shared.reader.clone();
        spawn_blocking(move || reader.feed_within(bytes)).await.ok()?.ok()?
    }

    pub fn progress(&self) -> Option<PrimaryProgress> {
        let standing = self.shared.reader.standing().borrow().clone();
        if !self.shared.leads() || !matches!(standing.role, DrRole::Primary { .. }) {
            return None;
        }
        let revision = self.shared.moment().0;
        let feed_bytes = self.shared.reader.feed_bytes().unwrap_or(0);
        Some(PrimaryProgress { revision, feed_bytes, secondaries: self.contacts.all(&standing, revision) })
    }

    /// Whose secret it is, if it counts, or counted for this cluster before.
    fn invited(&self, standing: &Standing, secret: &[u8], key: &PublicKey) -> Option<Secondary> {
        let (hash, now) = (sha256(secret), self.shared.now());
        let fits = |secondary: &&Secondary| match &secondary.enrolment {
            Enrolment::Invited { secret, expires } => ct_eq(secret, &hash) && now < *expires,
            Enrolment::Enrolled { shown: Some(secret), members } => {
                ct_eq(secret, &hash) && members.iter().any(|(_, member)| member.key == *key)
            }
            Enrolment::Enrolled { shown: None, .. } => false,
        };
        standing.secondaries().iter().find(fits).cloned()
    }

    async fn enrolled(&self, key: PublicKey, request: pb::EnrollRequest) -> Result<(String, Bytes), Refusal> {
        let other = |text: &str| refused(Kind::Other, text);
        if !self.shared.leadership.borrow().is_ready() {
            return Err(not_leader());
        }
        let standing = self.shared.reader.standing().borrow().clone();
        let known = self.invited(&standing, &request.secret, &key);
        let known = known.ok_or_else(|| other("the activation token is unknown, used already, or too old"))?;
        let theirs: Vec<(NodeId, Member)> = related(request.members).map_err(|why| other(&why))?;
        if !theirs.iter().any(|(id, member)| *id == request.from && member.key == key) {
            return Err(other("the node that asks is none of the members that it names"));
        }
        if !known.is_enrolled() {
            // A cluster has one name: revoking it is then revoking it.
            let is_theirs = |secondary: &Secondary| {
                let mut members = secondary.members().iter();
                members.any(|(id, _)| theirs.iter().any(|(other, _)| other == id))
            };
            let mut secondaries = standing.secondaries().to_vec();
            secondaries.retain(|secondary| secondary.id != known.id && !is_theirs(secondary));
            let enrolment = Enrolment::Enrolled { members: theirs, shown: Some(sha256(&request.secret)) };
            secondaries.push(Secondary { id: known.id.clone(), enrolment });
            let role = DrRole::Primary { secondaries };
            let stand = Stand { seen: standing.version, role, reign: standing.reign, epoch: None };
            match self.stands.propose(stand).await {
                Ok(true) => tracing::info!(secondary = known.id, "a secondary has enrolled"),
                Ok(false) => return Err(other("another change came between; try again")),
                Err(error) => return Err(other(&error.to_string())),
            }
        }
        let (handler, id, from) = (Arc::clone(&self.handler), known.id.clone(), request.from);
        let welcoming = self.app.spawn(async move { handler.welcome(&id, from, request.question).await });
        let welcome = welcoming.await.map_err(|_| other("the question could not be handled"))?;
        Ok((known.id, welcome.map_err(|why| other(&why))?))
    }

    async fn ranges(&self, request: pb::CompareRangesRequest) -> Result<pb::CompareRangesAnswer, Status> {
        let mut answer = pb::CompareRangesAnswer { session: request.session, ..Default::default() };
        if request.session == 0 {
            if !self.leads_now().await {
                return Ok(pb::CompareRangesAnswer { refused: Some(not_leader()), ..Default::default() });
            }
            let state = self.shared.reader.snapshot().map_err(internal)?;
            answer.session = self.sessions.open(state);
        }
        let Some(state) = self.sessions.get(answer.session) else {
            answer.gone = true;
            return Ok(answer);
        };
        answer.revision = state.revision().to_bytes().to_vec().into();
        answer.fingerprint = state.fingerprint().to_vec().into();
        if request.ranges.len() > RANGES {
            return Err(Status::invalid_argument("too many ranges at once"));
        }
        let ranges: Option<Vec<Range>> = request.ranges.into_iter().map(range_in).collect();
        let ranges = ranges.ok_or_else(|| Status::invalid_argument("a range is malformed"))?;
        let compared = spawn_blocking(move || {
            ranges
                .iter()
                .map(|range| compare::same(&*state, range).map(|same| !same))
                .collect::<Result<_, StoreError>>()
        });
        answer.differs = compared.await.map_err(internal)?.map_err(internal)?;
        Ok(answer)
    }

    async fn fetch(&self, request: pb::FetchRangeRequest) -> Result<pb::FetchRangeAnswer, Status> {
        let Some(state) = self.sessions.get(request.session) else {
            return Ok(pb::FetchRangeAnswer { gone: true, ..Default::default() });
        };
        let malformed = || Status::invalid_argument("a key is malformed");
        let held = |held: pb::Held| Some((RawKey::parse(held.key.into()).ok()?, held.digest));
        let held: Option<Vec<_>> = request.held.into_iter().map(held).collect();
        let held = held.ok_or_else(malformed)?;
        if !held.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Status::invalid_argument("the keys are not in their order"));
        }
        let (from, to) = (request.from, request.to);
        let differing = spawn_blocking(move || compare::difference(&*state, &from, &to, &held, PAGE));
        let page = differing.await.map_err(internal)?.map_err(internal)?;
        let record = |(key, stored): (RawKey, storage::Stored)| pb::Record {
            key: key.as_bytes().to_vec().into(),
            revision: stored.revision.to_bytes().to_vec().into(),
            value: Some(match stored.value {
                Value::Bytes(bytes) => pb::record::Value::Bytes(bytes),
                Value::Counter(n) => pb::record::Value::Counter(n),
            }),
        };
        Ok(pb::FetchRangeAnswer {
            refused: None,
            gone: false,
            records: page.records.into_iter().map(record).collect(),
            removed: page.removed.iter().map(|key| key.as_bytes().to_vec().into()).collect(),
            next: page.next.into(),
        })
    }
}

#[async_trait]
impl ReplicaAnswers for Serving {
    async fn enroll(&self, key: PublicKey, request: pb::EnrollRequest) -> Result<pb::EnrollAnswer, Status> {
        Ok(match self.enrolled(key, request).await {
            Ok((id, welcome)) => {
                let reign = self.shared.reader.standing().borrow().reign;
                pb::EnrollAnswer {
                    refused: None,
                    id,
                    by: self.shared.id,
                    members: self.shared.members_out(),
                    welcome,
                    reign,
                }
            }
            Err(refusal) => pb::EnrollAnswer { refused: Some(refusal), ..Default::default() },
        })
    }

    async fn follow(&self, from: Foreign, request: pb::FollowRequest) -> Result<pb::FollowAnswer, Status> {
        let (id, standing) = match self.secondary(&from) {
            Ok(found) => found,
            Err(refusal) => return Ok(pb::FollowAnswer { refused: Some(refusal), ..Default::default() }),
        };
        let malformed = || Status::invalid_argument("where the asker stands is malformed");
        let at = Revision::from_bytes(&request.revision).ok_or_else(malformed)?;
        let fingerprint: [u8; 32] = request.fingerprint[..].try_into().map_err(|_| malformed())?;
        self.note_members(&id, &standing, request.members).await;
        let within = Duration::from_millis(request.within_ms.into()).min(POLL);
        let (asking, clock) = (request.from, Millis(request.clock_ms));
        let heard = |in_step| self.contacts.note(&id, asking, clock, at, in_step);
        let behind = self.behind(at, fingerprint, Instant::now() + within, heard).await?;
        // It may have been revoked while it waited.
        let standing = match self.secondary(&from) {
            Ok((_, standing)) => standing,
            Err(refusal) => return Ok(pb::FollowAnswer { refused: Some(refusal), ..Default::default() }),
        };
        // A leader that was replaced lacks what the secondary may have.
        if behind == Behind::Unknown && !self.leads_now().await {
            return Ok(pb::FollowAnswer { refused: Some(not_leader()), ..Default::default() });
        }
        let (revision, print) = self.shared.moment();
        let (unknown, steps) = match behind {
            Behind::Unknown => (true, Vec::new()),
            Behind::Steps(steps) => (false, steps),
        };
        Ok(pb::FollowAnswer {
            refused: None,
            unknown,
            steps,
            revision: revision.to_bytes().to_vec().into(),
            fingerprint: print.to_vec().into(),
            clock_ms: time::wall().0,
            members: self.shared.members_out(),
            reign: standing.reign,
        })
    }

    async fn compare_ranges(
        &self,
        from: Foreign,
        request: pb::CompareRangesRequest,
    ) -> Result<pb::CompareRangesAnswer, Status> {
        match self.secondary(&from) {
            Ok(_) => self.ranges(request).await,
            Err(refusal) => Ok(pb::CompareRangesAnswer { refused: Some(refusal), ..Default::default() }),
        }
    }

    async fn fetch_range(&self, from: Foreign, request: pb::FetchRangeRequest) -> Result<pb::FetchRangeAnswer, Status> {
        match self.secondary(&from) {
            Ok(_) => self.fetch(request).await,
            Err(refusal) => Ok(pb::FetchRangeAnswer { refused: Some(refusal), ..Default::default() }),
        }
    }

    async fn relate(&self, key: PublicKey, request: pb::RelateRequest) -> Result<pb::RelateAnswer, Status> {
        let stands = self.fence.stands_before(&key);
        if let Some(said) = request.stands {
            self.fence.heard(&key, said, request.passed_on.is_empty()).await;
        }
        Ok(pb::RelateAnswer { stands: Some(stands) })
    }
}

fn range_in(range: pb::Range) -> Option<Range> {
    let sha256 = range.sha256[..].try_into().ok()?;
    Some(Range { from: range.from.into(), to: range.to.into(), sha256 })
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

/// About how many bytes of steps, and of records, one answer has.
const ANSWER: usize = 1 << 20;
const PAGE: usize = 1 << 20;
/// Ranges in one question.
pub(super) const RANGES: usize = 64;
const KEEP: Duration = Duration::from_secs(2);
/// A feed that is smaller is not worth an entry of the log.
const WORTH_IT: u64 = 16 << 20;
