//! Consensus's way out: one client per peer and purpose, over the peer's open lanes.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::Future;
use openraft::OptionalSend;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::v2::RaftNetworkV2;
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use storage::Millis;
use tokio::time::timeout;
use tonic::Status;

use super::peers::{CallError, Lane, Link, Peers};
use super::{Local, Reports, snapshot_out, wire};
use crate::consensus::{Member, NodeId, Snapshot, TypeConfig, Vote};
use crate::snapshot::Checkpoint;

/// Makes the clients.
#[derive(Clone)]
pub struct Network {
    pub peers: Arc<Peers>,
    pub local: Arc<Local>,
    pub reports: Arc<Reports>,
    /// Bytes of a snapshot that go out in a second; None: as many as there is room for.
    pub snapshot_rate: Option<NonZeroU64>,
    /// The cluster's time as this node knows it.
    pub now: Arc<dyn Fn() -> Millis + Send + Sync>,
}

impl Network {
    /// What a leader tells its followers of the time.
    fn now_ms(&self) -> u64 {
        (self.now)().0
    }

    fn client(&self, target: NodeId, member: &Member, lane: Lane) -> Client {
        Client { network: self.clone(), target, member: member.clone(), lane }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Client;

    async fn new_client(&mut self, target: NodeId, node: &Member) -> Client {
        self.client(target, node, Lane::Data)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, node: &Member) -> Client {
        self.client(target, node, Lane::Control)
    }

    async fn new_snapshot_client(&mut self, target: NodeId, node: &Member) -> Client {
        self.client(target, node, Lane::Snapshot)
    }
}

pub struct Client {
    network: Network,
    target: NodeId,
    member: Member,
    lane: Lane,
}

type Failure = RPCError<TypeConfig>;

impl Client {
    fn link(&self) -> Result<Arc<Link>, Failure> {
        self.network.peers.link(self.target, &self.member).map_err(|e| Unreachable::new(&e).into())
    }

    /// Waits for an answer no longer than `within`.
    async fn bounded<T>(
        &self,
        action: RPCTypes,
        within: Duration,
        link: &Link,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Failure> {
        match timeout(within, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(self.failure(link, &status)),
            Err(_) => {
                let (id, target) = (self.network.local.id, self.target);
                Err(Timeout { action, id, target, timeout: within }.into())
            }
        }
    }

    fn failure(&self, link: &Link, status: &Status) -> Failure {
        match self.network.peers.failed(link, status) {
            error @ CallError::Broken { .. } => NetworkError::new(&error).into(),
            // Trying again at once would change nothing.
            error => Unreachable::new(&error).into(),
        }
    }
}

impl RaftNetworkV2<TypeConfig> for Client {
    type SnapshotData = Checkpoint;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, Failure> {
        let link = self.link()?;
        let local = &self.network.local;
        // A log message may be large and the follower's disk slow: breaking it off would only send it again.
        let within = if rpc.entries.is_empty() { option.hard_ttl().max(EMPTY_APPEND) } else { APPEND };
        local.lease.tell(rpc.leader_commit.map_or(0, |id| id.index));
        let message = wire::append_out(&rpc, local.terms(), self.network.now_ms());
        let mut consensus = link.consensus(self.lane);
        let asked = Instant::now();
        let answer =
            self.bounded(RPCTypes::AppendEntries, within, &link, consensus.append(message)).await?.into_inner();
        self.network.reports.note(self.target, asked, answer.report.clone());
        let answer = wire::append_answer_in(answer).map_err(|e| NetworkError::new(&e))?;
        if answer.is_conflict() && rpc.prev_log_id.is_none() {
            // Nothing precedes the message, so there is nothing to be in conflict with.
            return Err(NetworkError::from_string("a follower reports a conflict before its log's first entry").into());
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Failure> {
        let link = self.link()?;
        let message = wire::vote_request_out(&rpc, self.network.local.terms());
        let mut consensus = link.consensus(Lane::Control);
        let answer = self.bounded(RPCTypes::Vote, option.hard_ttl(), &link, consensus.vote(message)).await?;
        wire::vote_answer_in(answer.into_inner()).map_err(|e| NetworkError::new(&e).into())
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Failure> {
        let link = self.link()?;
        let message = wire::vote_request_out(&rpc, self.network.local.terms());
        let mut consensus = link.consensus(Lane::Control);
        let answer = self.bounded(RPCTypes::Vote, option.hard_ttl(), &link, consensus.pre_vote(message)).await?;
        wire::vote_answer_in(answer.into_inner()).map_err(|e| NetworkError::new(&e).into())
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let link = self.link()?;
        let (consensus, terms) = (link.consensus(Lane::Snapshot), self.network.local.terms());
        let sending = snapshot_out::send(consensus, terms, vote, snapshot, self.network.snapshot_rate);
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = sending => match sent {
                Ok(vote) => Ok(SnapshotResponse::new(vote)),
                Err(snapshot_out::SendError::Peer(status)) => Err(self.failure(&link, &status).into()),
                Err(error) => Err(NetworkError::new(&error).into()),
            },
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, Failure> {
        let link = self.link()?;
        let message = wire::transfer_out(&req, self.network.local.terms());
        let mut consensus = link.consensus(Lane::Control);
        let within = option.hard_ttl();
        let answer = self.bounded(RPCTypes::TransferLeader, within, &link, consensus.transfer_leader(message)).await?;
        wire::transfer_answer_in(answer.into_inner()).map_err(|e| NetworkError::new(&e).into())
    }
}

/// For messages with entries; keepalive notices a dead peer sooner.
const APPEND: Duration = Duration::from_secs(10);
/// For probes that carry nothing. Heartbeats are cut off by consensus itself, sooner.
const EMPTY_APPEND: Duration = Duration::from_secs(2);
