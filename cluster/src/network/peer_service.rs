//! What nodes ask each other beside consensus. The answers come from the node; here they are only worded.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use proto::cluster as pb;
use proto::cluster::forward_answer::{Refusal, Result as Answer};
use proto::cluster::leave_answer::Kind as LeaveKind;
use proto::cluster::outcome_answer::Kind;
use proto::cluster::peer_server::Peer;
use proto::cluster::unseal_answer::Result as UnsealResult;
use storage::{Millis, Ran, RequestId};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::consensus_service::Door;
use super::reports::Claim;
use super::wire;
use crate::consensus::Member;
use crate::identity::node_id;

/// Why a forwarded request was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardRefusal {
    /// The node does not lead, or not in the term that the sender named.
    NotLeader,
    /// It has as many forwarded requests at work as it may have.
    Busy,
}

/// What became of a request, as far as the leader can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ran(Ran),
    NotRun,
    Unknown,
}

/// What a node says of itself beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    pub initialised: bool,
    pub members: Vec<(u64, Member)>,
    /// The log index that the members are from.
    pub members_at: u64,
}

/// What came of a member's wish to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    Done,
    NotLeader,
    /// Nothing has changed.
    Refused(String),
    Unknown(String),
}

/// Where the answers come from.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// As leader: the commit index that covers everything acknowledged until now, and the time. None if it does not lead.
    async fn read_index(&self, deadline: Instant) -> Option<(u64, Millis)>;

    /// `Err(None)` when it is still at work at the deadline, or has failed without an answer.
    async fn forwarded(
        &self,
        from: u64,
        term: u64,
        id: RequestId,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, Option<ForwardRefusal>>;

    /// As leader. None if it does not lead.
    async fn outcome(&self, id: RequestId, deadline: Instant) -> Option<Verdict>;

    /// `from` is the asking member as it says it is, under the id that its key has proven.
    fn hello(&self, from: Option<(u64, Member)>) -> Hello;

    /// As leader: takes the member's vote away and, unless it stays, takes it out of the cluster.
    async fn leave(&self, member: u64, stays: bool, deadline: Instant) -> Left;

    /// A member has found another's state to differ from its own, and says what it has.
    fn compare(&self, from: u64, claim: Claim) -> Option<Claim>;

    /// A member asks to be unsealed; the error is for it to read.
    async fn unseal(&self, from: u64, question: Bytes) -> Result<Bytes, String>;
}

pub struct PeerService {
    door: Door,
    answers: Arc<dyn Answers>,
}

impl PeerService {
    pub fn new(door: Door, answers: Arc<dyn Answers>) -> Self {
        Self { door, answers }
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn read_index(
        &self,
        request: Request<pb::ReadIndexRequest>,
    ) -> Result<Response<pb::ReadIndexAnswer>, Status> {
        self.door.member(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        Ok(Response::new(match self.answers.read_index(deadline(request.within_ms)).await {
            Some((index, now)) => pb::ReadIndexAnswer { index, now_ms: now.0, not_leader: false },
            None => pb::ReadIndexAnswer { index: 0, now_ms: 0, not_leader: true },
        }))
    }

    async fn forward(&self, request: Request<pb::ForwardRequest>) -> Result<Response<pb::ForwardAnswer>, Status> {
        let from = self.door.member(request.extensions())?;
        let pb::ForwardRequest { terms, id, payload, within_ms, term } = request.into_inner();
        self.door.agree(terms.as_ref())?;
        let result = match RequestId::from_bytes(&id) {
            None => Answer::Refusal(Refusal::Malformed.into()),
            Some(id) => match self.answers.forwarded(from, term, id, payload, deadline(within_ms)).await {
                Ok(payload) => Answer::Payload(payload),
                Err(Some(ForwardRefusal::NotLeader)) => Answer::Refusal(Refusal::NotLeader.into()),
                Err(Some(ForwardRefusal::Busy)) => Answer::Refusal(Refusal::Busy.into()),
                Err(None) => return Err(Status::deadline_exceeded("the request has no answer yet")),
            },
        };
        Ok(Response::new(pb::ForwardAnswer { result: Some(result) }))
    }

    async fn ask_outcome(&self, request: Request<pb::OutcomeRequest>) -> Result<Response<pb::OutcomeAnswer>, Status> {
        self.door.member(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let id = RequestId::from_bytes(&request.id).ok_or_else(|| Status::invalid_argument("the id is none"))?;
        let mut answer = pb::OutcomeAnswer::default();
        let kind = match self.answers.outcome(id, deadline(request.within_ms)).await {
            Some(Verdict::Ran(ran)) => {
                answer.revision = ran.revision.to_bytes().to_vec().into();
                answer.answer = ran.answer;
                Kind::Ran
            }
            Some(Verdict::NotRun) => Kind::NotRun,
            Some(Verdict::Unknown) => Kind::Unknown,
            None => Kind::NotLeader,
        };
        answer.set_kind(kind);
        Ok(Response::new(answer))
    }

    async fn compare(&self, request: Request<pb::CompareRequest>) -> Result<Response<pb::CompareAnswer>, Status> {
        let from = self.door.member(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let claim = wire::claim_in(&request.revision, &request.fingerprint);
        let claim = claim.map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(Response::new(wire::claim_out(self.answers.compare(from, claim))))
    }

    async fn unseal(&self, request: Request<pb::UnsealRequest>) -> Result<Response<pb::UnsealAnswer>, Status> {
        let from = self.door.member(request.extensions())?;
        let pb::UnsealRequest { terms, question } = request.into_inner();
        self.door.agree(terms.as_ref())?;
        let result = match self.answers.unseal(from, question).await {
            Ok(answer) => UnsealResult::Answer(answer),
            Err(why) => UnsealResult::Refusal(why),
        };
        Ok(Response::new(pb::UnsealAnswer { result: Some(result) }))
    }

    async fn hello(&self, request: Request<pb::HelloRequest>) -> Result<Response<pb::HelloAnswer>, Status> {
        let caller = self.door.member(request.extensions())?;
        let from = request.into_inner().from.and_then(|member| wire::member_in(member).ok());
        let from = from.filter(|(id, member)| *id == caller && node_id(&member.key) == caller);
        let local = &self.door.local;
        let Hello { initialised, members, members_at } = self.answers.hello(from);
        Ok(Response::new(pb::HelloAnswer {
            terms: Some(local.terms()),
            member: Some(wire::member_out(local.id, &local.member)),
            initialised,
            sealed: local.is_sealed(),
            members: members.iter().map(|(id, member)| wire::member_out(*id, member)).collect(),
            members_at,
        }))
    }

    async fn leave(&self, request: Request<pb::LeaveRequest>) -> Result<Response<pb::LeaveAnswer>, Status> {
        let caller = self.door.member(request.extensions())?;
        let pb::LeaveRequest { terms, stays, within_ms } = request.into_inner();
        self.door.agree(terms.as_ref())?;
        let (kind, reason) = match self.answers.leave(caller, stays, deadline(within_ms)).await {
            Left::Done => (LeaveKind::Done, String::new()),
            Left::NotLeader => (LeaveKind::NotLeader, String::new()),
            Left::Refused(reason) => (LeaveKind::Refused, reason),
            Left::Unknown(reason) => (LeaveKind::Unknown, reason),
        };
        Ok(Response::new(pb::LeaveAnswer { kind: kind.into(), reason }))
    }
}

fn deadline(within_ms: u32) -> Instant {
    Instant::now() + Duration::from_millis(u64::from(within_ms)).min(LONGEST)
}

/// How long a peer may make this node wait.
const LONGEST: Duration = Duration::from_secs(120);
