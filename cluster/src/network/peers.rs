//! The open lanes to the other nodes, and how a call over one can fail.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use parking_lot::RwLock;
use proto::MESSAGE_MAX;
use proto::cluster::consensus_client::ConsensusClient;
use proto::cluster::peer_client::PeerClient;
use proto::cluster::replica_client::ReplicaClient;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{ConnectError, Status};

use super::connect::lane;
use super::consensus_service::REMOVED;
use crate::consensus::Member;
use crate::identity::{NodeKey, client_config};

/// One peer's lanes.
pub struct Link {
    pub member: Member,
    control: Channel,
    data: Channel,
    snapshot: Channel,
}

/// What kind of traffic a connection carries, so that none waits behind a heavier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Control,
    Data,
    Snapshot,
}

impl Link {
    pub fn consensus(&self, lane: Lane) -> ConsensusClient<Channel> {
        ConsensusClient::new(self.channel(lane))
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX)
    }

    pub fn peer(&self, lane: Lane) -> PeerClient<Channel> {
        PeerClient::new(self.channel(lane))
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX)
    }

    pub fn replica(&self, lane: Lane) -> ReplicaClient<Channel> {
        ReplicaClient::new(self.channel(lane))
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX)
    }

    fn channel(&self, lane: Lane) -> Channel {
        match lane {
            Lane::Control => self.control.clone(),
            Lane::Data => self.data.clone(),
            Lane::Snapshot => self.snapshot.clone(),
        }
    }
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection came about: the peer has not seen the request.
    #[error("{peer} cannot be reached: {reason}")]
    Unreachable { peer: String, reason: String },
    /// The peer may have seen the request.
    #[error("{peer} gave no answer: {reason}")]
    Broken { peer: String, reason: String },
    /// The peer refused to look at the request.
    #[error("{peer} refused: {reason}")]
    Refused { peer: String, reason: String },
}

pub struct Peers {
    key: Arc<NodeKey>,
    runtime: Handle,
    links: RwLock<HashMap<u64, Arc<Link>>>,
    /// Where each is reached, as far as this node knows now. Consensus keeps to what it was told when it began to talk.
    known: RwLock<HashMap<u64, Member>>,
    removed: watch::Sender<bool>,
}

impl Peers {
    pub fn new(key: Arc<NodeKey>, runtime: Handle) -> Self {
        Self { key, runtime, links: RwLock::default(), known: RwLock::default(), removed: watch::channel(false).0 }
    }

    /// The lanes to this member, `told` being what the caller knows of it. They are opened anew when it is somewhere else.
    pub fn link(&self, id: u64, told: &Member) -> Result<Arc<Link>, rustls::Error> {
        let known = self.known.read();
        let member = known.get(&id).unwrap_or(told);
        if let Some(link) = self.links.read().get(&id).filter(|link| link.member.is_where(member)) {
            return Ok(link.clone());
        }
        let link = Arc::new(self.open(member)?);
        self.links.write().insert(id, link.clone());
        Ok(link)
    }

    fn open(&self, member: &Member) -> Result<Link, rustls::Error> {
        let _inside = self.runtime.enter();
        let tls = Arc::new(client_config(&self.key, member.key)?);
        let lane = || lane(member.address.clone(), tls.clone());
        Ok(Link { member: member.clone(), control: lane(), data: lane(), snapshot: lane() })
    }

    /// These are the members, and where they are. The lanes to whoever is none any more are closed.
    pub fn know(&self, members: &[(u64, Member)]) {
        let members: HashMap<u64, Member> = members.iter().cloned().collect();
        if *self.known.read() == members {
            return;
        }
        self.links.write().retain(|id, _| members.contains_key(id));
        *self.known.write() = members;
    }

    /// Becomes true when a member has said that this node was removed from the cluster. The handshake has shown that
    /// it is a member who says so.
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }

    /// Says what a failed call means.
    pub fn failed(&self, link: &Link, status: &Status) -> CallError {
        let peer = format!("{} ({})", link.member.name, link.member.address);
        let reason = match deepest(status) {
            Some(cause) => cause.to_string(),
            None => status.message().to_owned(),
        };
        if status.metadata().contains_key(REMOVED) {
            self.removed.send_if_modified(|removed| !std::mem::replace(removed, true));
            return CallError::Refused { peer, reason };
        }
        if was_not_sent(status) {
            return CallError::Unreachable { peer, reason };
        }
        match status.code() {
            tonic::Code::FailedPrecondition | tonic::Code::PermissionDenied | tonic::Code::InvalidArgument => {
                CallError::Refused { peer, reason }
            }
            _ => CallError::Broken { peer, reason },
        }
    }
}

fn deepest(status: &Status) -> Option<&(dyn Error + 'static)> {
    let mut cause = status.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause)
}

fn was_not_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
