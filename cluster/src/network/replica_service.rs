//! What related clusters ask each other. Who may ask what is decided here, and nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use proto::cluster as pb;
use proto::cluster::replica_server::Replica;
use tonic::{Request, Response, Status};

use super::consensus_service::Door;
use crate::dr::Foreign;
use crate::identity::{Known, PublicKey};

/// Where the answers come from.
#[async_trait]
pub trait ReplicaAnswers: Send + Sync + 'static {
    /// Asked by whoever holds a token; the handshake has shown its key.
    async fn enroll(&self, key: PublicKey, request: pb::EnrollRequest) -> Result<pb::EnrollAnswer, Status>;
    async fn follow(&self, from: Foreign, request: pb::FollowRequest) -> Result<pb::FollowAnswer, Status>;
    async fn compare_ranges(
        &self,
        from: Foreign,
        request: pb::CompareRangesRequest,
    ) -> Result<pb::CompareRangesAnswer, Status>;
    async fn fetch_range(&self, from: Foreign, request: pb::FetchRangeRequest) -> Result<pb::FetchRangeAnswer, Status>;
    async fn relate(&self, key: PublicKey, request: pb::RelateRequest) -> Result<pb::RelateAnswer, Status>;
}

pub struct ReplicaService {
    door: Door,
    answers: Arc<dyn ReplicaAnswers>,
}

impl ReplicaService {
    pub fn new(door: Door, answers: Arc<dyn ReplicaAnswers>) -> Self {
        Self { door, answers }
    }
}

#[tonic::async_trait]
impl Replica for ReplicaService {
    async fn enroll(&self, request: Request<pb::EnrollRequest>) -> Result<Response<pb::EnrollAnswer>, Status> {
        let key = self.door.whoever(request.extensions())?;
        Ok(Response::new(self.answers.enroll(key, request.into_inner()).await?))
    }

    async fn follow(&self, request: Request<pb::FollowRequest>) -> Result<Response<pb::FollowAnswer>, Status> {
        let (_, from) = self.door.foreigner(request.extensions())?;
        Ok(Response::new(self.answers.follow(from, request.into_inner()).await?))
    }

    async fn compare_ranges(
        &self,
        request: Request<pb::CompareRangesRequest>,
    ) -> Result<Response<pb::CompareRangesAnswer>, Status> {
        let (_, from) = self.door.foreigner(request.extensions())?;
        Ok(Response::new(self.answers.compare_ranges(from, request.into_inner()).await?))
    }

    async fn fetch_range(
        &self,
        request: Request<pb::FetchRangeRequest>,
    ) -> Result<Response<pb::FetchRangeAnswer>, Status> {
        let (_, from) = self.door.foreigner(request.extensions())?;
        Ok(Response::new(self.answers.fetch_range(from, request.into_inner()).await?))
    }

    async fn relate(&self, request: Request<pb::RelateRequest>) -> Result<Response<pb::RelateAnswer>, Status> {
        let asks = self.door.whoever(request.extensions())?;
        let key = match self.door.pins.known(&asks) {
            // What it was told by a node of another cluster.
            Known::Member(_) => {
                let told_by = request.get_ref().passed_on.as_ref().try_into();
                told_by.map_err(|_| Status::invalid_argument("a key is malformed"))?
            }
            _ => self.door.foreigner(request.extensions())?.0,
        };
        Ok(Response::new(self.answers.relate(key, request.into_inner()).await?))
    }
}
