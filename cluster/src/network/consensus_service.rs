//! Consensus's way in.

use std::sync::Arc;

use openraft::raft::AppendEntriesResponse;
use proto::cluster as pb;
use proto::cluster::consensus_server::Consensus;
use proto::cluster::snapshot_part::Part;
use storage::Millis;
use tokio::sync::Semaphore;
use tonic::metadata::MetadataValue;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::snapshot_in::{self, Inbox, Sent};
use super::{Caller, Local, wire};
use crate::consensus::{Raft, Vote};
use crate::dr::Foreign;
use crate::fitness::Room;
use crate::identity::{Known, Pins, PublicKey};
use crate::log::encoding::decode_snapshot_meta;

/// The metadata key by which a removed node learns what it is.
pub const REMOVED: &str = "holdfast-removed";

/// Who may ask, and whether there is anything to answer with. Both services begin with it.
#[derive(Clone)]
pub struct Door {
    pub local: Arc<Local>,
    pub pins: Arc<Pins>,
    pub raft: Raft,
}

impl Door {
    /// The member that asks. The pins are looked at for each request: a connection outlives a removal.
    pub fn member(&self, extensions: &Extensions) -> Result<u64, Status> {
        let caller = extensions.get::<Caller>().ok_or_else(|| Status::internal("the connection has no caller"))?;
        match self.pins.known(&caller.key) {
            Known::Member(id) => Ok(id),
            Known::Removed => {
                let mut status = Status::permission_denied("this node was removed from the cluster");
                status.metadata_mut().insert(REMOVED, MetadataValue::from_static("1"));
                Err(status)
            }
            Known::Foreign | Known::Guest | Known::Unknown => {
                Err(Status::permission_denied("this node is not a member of the cluster"))
            }
        }
    }

    /// The node of another cluster that asks.
    pub fn foreigner(&self, extensions: &Extensions) -> Result<(PublicKey, Foreign), Status> {
        let key = self.whoever(extensions)?;
        let foreign = self.pins.foreign(&key);
        foreign.map(|foreign| (key, foreign)).ok_or_else(|| Status::permission_denied(NOT_RELATED))
    }

    /// Whose key the handshake has proven, known or not.
    pub fn whoever(&self, extensions: &Extensions) -> Result<PublicKey, Status> {
        let caller = extensions.get::<Caller>().ok_or_else(|| Status::internal("the connection has no caller"))?;
        Ok(caller.key)
    }

    /// The member that asks, if this node takes part in consensus at all.
    fn elector(&self, extensions: &Extensions) -> Result<u64, Status> {
        let caller = self.member(extensions)?;
        match self.local.has_stopped() {
            true => Err(Status::unavailable("this node has stopped: its state is not that of the others")),
            false => Ok(caller),
        }
    }

    pub fn agree(&self, terms: Option<&pb::Terms>) -> Result<(), Status> {
        self.local.disagreement(terms).map_or(Ok(()), |why| {
            tracing::error!(reason = %why, "a node's request is refused");
            Err(Status::failed_precondition(why))
        })
    }
}

pub struct ConsensusService {
    door: Door,
    installing: Semaphore,
    inbox: Arc<Inbox>,
}

impl ConsensusService {
    /// Must be called inside the runtime that serves it.
    pub fn new(door: Door) -> Self {
        Self { door, installing: Semaphore::new(1), inbox: Inbox::open() }
    }

    /// Votes are given and taken in one's own name alone.
    fn own_vote(&self, vote: &Vote, caller: u64) -> Result<(), Status> {
        if vote.leader_id.node_id == caller {
            return Ok(());
        }
        Err(Status::invalid_argument("the vote names another node than the one that sends it"))
    }

    /// A node that has just started does not remember when it last heard its leader, whose lease may still run.
    fn may_vote(&self) -> Result<(), Status> {
        let left = self.door.local.hold_left();
        if left.is_zero() {
            return Ok(());
        }
        Err(Status::unavailable(format!(
            "this node has just started and gives no vote for another {} ms",
            left.as_millis()
        )))
    }
}

#[tonic::async_trait]
impl Consensus for ConsensusService {
    async fn append(&self, request: Request<pb::AppendRequest>) -> Result<Response<pb::AppendAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let now = Millis(request.now_ms);
        let request = wire::append_in(request).map_err(malformed)?;
        self.own_vote(&request.vote, caller)?;
        if !request.entries.is_empty() && self.door.local.fitness.room() == Room::None {
            return Err(Status::resource_exhausted("the disk of this node is nearly full"));
        }
        let answer = self.door.raft.append_entries(request).await.map_err(stopped)?;
        let local = &self.door.local;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            local.note_contact();
            local.clock.tell(now);
            // It does not know the time while no quorum answers it.
            if now > Millis(0) {
                local.note_led();
            }
        }
        Ok(Response::new(wire::append_answer_out(&answer, local.report())))
    }

    async fn vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let request = wire::vote_request_in(request).map_err(malformed)?;
        self.own_vote(&request.vote, caller)?;
        self.may_vote()?;
        let answer = self.door.raft.vote(request).await.map_err(stopped)?;
        Ok(Response::new(wire::vote_answer_out(&answer)))
    }

    async fn pre_vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let request = wire::vote_request_in(request).map_err(malformed)?;
        self.own_vote(&request.vote, caller)?;
        self.may_vote()?;
        let answer = self.door.raft.pre_vote(request).await.map_err(stopped)?;
        Ok(Response::new(wire::vote_answer_out(&answer)))
    }

    async fn transfer_leader(
        &self,
        request: Request<pb::TransferRequest>,
    ) -> Result<Response<pb::TransferAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let request = request.into_inner();
        self.door.agree(request.terms.as_ref())?;
        let request = wire::transfer_in(request).map_err(malformed)?;
        self.own_vote(request.from_leader(), caller)?;
        let answer = self.door.raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(wire::transfer_answer_out(&answer)))
    }

    async fn snapshot_held(
        &self,
        request: Request<pb::SnapshotHeader>,
    ) -> Result<Response<pb::SnapshotHeldAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let header = request.into_inner();
        self.door.agree(header.terms.as_ref())?;
        let bytes = self.inbox.held(&Sent::new(caller, header)).await;
        Ok(Response::new(pb::SnapshotHeldAnswer { bytes }))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<pb::SnapshotPart>>,
    ) -> Result<Response<pb::SnapshotAnswer>, Status> {
        let caller = self.door.elector(request.extensions())?;
        let raft = &self.door.raft;
        let Ok(_one_at_a_time) = self.installing.try_acquire() else {
            return Err(Status::resource_exhausted("another snapshot is being received"));
        };
        let mut parts = request.into_inner();
        let Part::Header(header) = snapshot_in::next(&mut parts).await? else {
            return Err(Status::invalid_argument("the snapshot has no header"));
        };
        self.door.agree(header.terms.as_ref())?;
        let vote = wire::vote_in(header.vote).map_err(malformed)?;
        self.own_vote(&vote, caller)?;
        if self.door.local.fitness.room() != Room::Enough {
            return Err(Status::resource_exhausted("the disk of this node is nearly full"));
        }
        let meta = decode_snapshot_meta(header.meta.clone()).map_err(malformed)?;
        let (from, sent) = (header.from, Sent::new(caller, header));
        tracing::info!(files = sent.files.len(), from, "a snapshot is being received");
        let snapshot =
            snapshot_in::receive(self.door.local.reader(), &self.inbox, sent, from, meta, &mut parts).await?;
        let answer = raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        Ok(Response::new(pb::SnapshotAnswer { vote: Some(wire::vote_out(&answer.vote)) }))
    }
}

fn malformed(error: impl std::error::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped(error: impl std::error::Error) -> Status {
    Status::unavailable(error.to_string())
}

const NOT_RELATED: &str = "the cluster of this node has nothing to do with that one: it was revoked, or never enrolled";
