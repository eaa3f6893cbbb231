//! How a node comes into a cluster: it founds one, or a member lets it in.
//!
//! ```text
//! joiner: joining() ──(the server's join call, with its proof)──► leader: admit() ── learner, later a voter
//! joiner: enter(members) ◄──(the call's answer)──────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::ChangeMembers;
use storage::{Batch, CommitError, Committed, Epoch, SealedStore, Term};
use tokio::time::{Instant, sleep, timeout_at};

use crate::change::{ChangeError, try_submit};
use crate::consensus::{Command, Member, NodeId, StoredMembership};
use crate::identity::node_id;
use crate::log::encoding::{decode_membership, encode_membership};
use crate::membership;
use crate::propose::propose;
use crate::shared::{Shared, members};
use crate::snapshot::replace_file;
use crate::store::Store;

/// What a node shows when it wants to come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub id: u64,
    pub member: Member,
}

#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("this node belongs to a cluster already")]
    Initialised,
    #[error("consensus did not start: {0}")]
    Consensus(String),
    #[error("the cluster's first batch was not committed: {0}")]
    First(#[from] CommitError),
}

#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    #[error("this node does not lead")]
    NotLeader,
    #[error("the node's id does not belong to its key")]
    NotItsId,
    #[error("a member named {0:?} is there already; names are unique")]
    NameTaken(String),
    #[error("a member at {0:?} is there already")]
    AddressTaken(String),
    #[error("another change of the membership is under way")]
    InProgress,
    #[error("it is unknown whether the node was let in: {0}")]
    Unknown(String),
}

#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    #[error("this node belongs to a cluster already")]
    Initialised,
    #[error("the list of members has a key that is not its member's")]
    NotItsId,
    #[error("the members could not be written down: {0}")]
    Io(#[from] io::Error),
    #[error("no member has sent this node anything in time")]
    NobodyCame,
}

pub(crate) struct Join {
    pub shared: Arc<Shared>,
    pub store: Arc<Store>,
    /// Where a joiner keeps whom it was told, until its log tells.
    pub entering: PathBuf,
}

impl Join {
    pub fn initialised(&self) -> bool {
        self.shared.membership().membership().nodes().next().is_some()
    }

    pub fn joining(&self) -> Joining {
        Joining { id: self.shared.id, member: self.shared.local.member.clone() }
    }

    /// Makes a cluster of this node alone. May be called again when it failed before the first batch.
    pub async fn found(&self, first: Batch) -> Result<Committed, FoundError> {
        let term = self.lead_alone().await?;
        let bits = u64::from_be_bytes(crypto::random());
        self.begin_epoch(term, Epoch { number: 1, bits }).await?;
        Ok(self.store.commit(Term(term), first).await?)
    }

    /// Elects this node, in a cluster of itself that has no data yet.
    pub async fn lead_alone(&self) -> Result<u64, FoundError> {
        let shared = &self.shared;
        if shared.reader.position().borrow().revision.n > 0 {
            return Err(FoundError::Initialised);
        }
        let consensus = |error: &dyn std::fmt::Display| FoundError::Consensus(error.to_string());
        if self.initialised() {
            let membership = shared.membership();
            if membership.membership().nodes().count() > 1 || membership.membership().get_node(&shared.id).is_none() {
                return Err(FoundError::Initialised);
            }
            let now = shared.leadership.borrow().clone();
            if now.is_ready() {
                return Ok(now.term);
            }
            shared.raft.trigger().elect(false).await.map_err(|e| consensus(&e))?;
        } else {
            let alone = BTreeMap::from([(shared.id, shared.local.member.clone())]);
            shared.raft.initialize(alone).await.map_err(|e| consensus(&e))?;
        }
        let mut leadership = shared.leadership.subscribe();
        let led = async { leadership.wait_for(|now| now.is_ready()).await.map(|now| now.term) };
        let Ok(Ok(term)) = timeout_at(Instant::now() + FOUND, led).await else {
            return Err(consensus(&"this node could not elect itself"));
        };
        Ok(term)
    }

    async fn begin_epoch(&self, term: u64, epoch: Epoch) -> Result<(), FoundError> {
        match propose(&self.shared, &self.store.gate, term, Command::Epoch(epoch)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(FoundError::Consensus("the cluster's first entry was not committed".to_owned())),
        }
    }

    /// Lets a node in, as leader: as a learner at once, as a voter when it has caught up. Answers with all members, for
    /// the joiner to [`enter`](Self::enter) with.
    pub async fn admit(&self, joining: Joining, deadline: Instant) -> Result<Vec<(NodeId, Member)>, AdmitError> {
        let shared = &self.shared;
        if joining.id != node_id(&joining.member.key) {
            return Err(AdmitError::NotItsId);
        }
        loop {
            if !shared.leadership.borrow().is_ready() {
                return Err(AdmitError::NotLeader);
            }
            let now = members(shared.membership().membership());
            let known = now.iter().find(|(id, _)| *id == joining.id).map(|(_, member)| member);
            if known.is_some_and(|member| member.is_where(&joining.member)) {
                // A joiner that asks again, having missed the answer.
                return Ok(now);
            }
            for (id, member) in &now {
                if *id != joining.id && member.name == joining.member.name {
                    return Err(AdmitError::NameTaken(member.name.clone()));
                }
                if *id != joining.id && member.address == joining.member.address {
                    return Err(AdmitError::AddressTaken(member.address.clone()));
                }
            }
            let change = match known {
                // It has moved. Whether it votes, it has no say in any more.
                Some(known) => {
                    let moved = Member { non_voter: known.non_voter, ..joining.member.clone() };
                    ChangeMembers::SetNodes(BTreeMap::from([(joining.id, moved)]))
                }
                None => ChangeMembers::AddNodes(BTreeMap::from([(joining.id, joining.member.clone())])),
            };
            match try_submit(shared, change, deadline).await {
                Ok(()) => return Ok(members(shared.membership().membership())),
                Err(ChangeError::NotLeader) => return Err(AdmitError::NotLeader),
                Err(ChangeError::InProgress) => {
                    if timeout_at(deadline, sleep(RETRY)).await.is_err() {
                        return Err(AdmitError::InProgress);
                    }
                }
                Err(error) => return Err(AdmitError::Unknown(error.to_string())),
            }
        }
    }

    /// Listens to these members from now on, also after a restart, and waits until one of them has sent the log.
    pub async fn enter(&self, members: Vec<(NodeId, Member)>, deadline: Instant) -> Result<(), EnterError> {
        if self.initialised() {
            return Err(EnterError::Initialised);
        }
        if members.iter().any(|(id, member)| *id != node_id(&member.key)) {
            return Err(EnterError::NotItsId);
        }
        remember(&self.entering, &members)?;
        self.shared.vouched.enter(members);
        membership::refresh(&self.shared);
        let mut position = self.shared.reader.position();
        loop {
            if self.initialised() {
                return Ok(());
            }
            let waited = timeout_at(deadline, async {
                tokio::select! {
                    _ = position.changed() => {}
                    () = sleep(RETRY) => {}
                }
            });
            waited.await.map_err(|_| EnterError::NobodyCame)?;
        }
    }
}

/// Whom a joiner was told before it was stopped, if it is still on its way in.
pub(crate) fn told(entering: &PathBuf) -> io::Result<Option<Vec<(NodeId, Member)>>> {
    match fs::read(entering) {
        Ok(bytes) => Ok(Some(members(decode_membership(Bytes::from(bytes))?.membership()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remember(entering: &std::path::Path, members: &[(NodeId, Member)]) -> io::Result<()> {
    let voters: BTreeSet<NodeId> = members.iter().map(|(id, _)| *id).collect();
    let nodes: BTreeMap<NodeId, Member> = members.iter().cloned().collect();
    let membership = openraft::Membership::new(vec![voters], nodes).map_err(io::Error::other)?;
    replace_file(entering, &encode_membership(&StoredMembership::new(None, membership)))
}

const FOUND: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(50);
