//! Joining a cluster: the joiner proves that it holds the seal, then the leader brings it up to date.
//!
//! ```text
//! joiner                                         a member (any), then the active node
//!   server_id, public key            ->          challenge (stateless), seal configuration, active node's address
//!   … shares are given, the unseal key is made …
//!   fresh challenge, answer          ->          checks it, answers with the members and a proof of its own
//!   pins the members, starts as learner          adds it: learner first, voter when caught up
//! ```

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use barrier::{JoinKey, JoinWrap, RootKey, SealConfig, SealKind, UnsealKey, WrappedRoot};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::{Millis, RawKey};
use tokio::time::{Instant, sleep, timeout};

use super::Node;
use super::unseal::UnsealError;
use crate::replication::{Member, MemberChange, MemberStatus, Role};
use crate::space;

/// How long the unsealing request waits for the join to finish before it answers "still sealed".
const WAIT: Duration = Duration::from_secs(20);
/// How long a joiner waits for its first copy of the state.
const CATCH_UP_MAX: Duration = Duration::from_secs(600);
/// How long one look for the newest state may take.
const NEWEST_WITHIN: Duration = Duration::from_secs(5);
const ADMIT_MAX: Duration = Duration::from_secs(600);
/// A member that has not answered this leader for so long makes room for a node of its name.
const SILENT: Duration = Duration::from_secs(10);

/// Where to ask, and whom to trust there. Kept as the configuration or the join request gave it.
/// No Debug: it may hold a private key.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct JoinTarget {
    pub leader_api_addr: String,
    pub leader_ca_cert: Option<String>,
    pub leader_client_cert: Option<String>,
    pub leader_client_key: Option<String>,
    pub leader_tls_servername: Option<String>,
    /// Whether this node is to stay without a vote there.
    #[serde(default)]
    pub non_voter: bool,
}

/// The joiner's way to a member's API.
#[async_trait]
pub trait Introduce: Send + Sync {
    /// Whether that node belongs to a cluster.
    async fn is_initialised(&self, target: &JoinTarget) -> Result<bool, String>;
    async fn challenge(&self, target: &JoinTarget, joiner: &Member) -> Result<JoinChallenge, String>;
    async fn answer(&self, target: &JoinTarget, answer: &JoinAnswer) -> Result<Admission, NotLetIn>;
}

/// Why a member did not let a joiner in.
#[derive(Debug, thiserror::Error)]
pub enum NotLetIn {
    /// It has judged the answer.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinChallenge {
    #[serde(with = "base64_bytes")]
    pub challenge: Vec<u8>,
    pub seal_config: SealConfig,
    /// From which a seal that unseals by itself gets the join key.
    #[serde(default)]
    pub join_wraps: Vec<JoinWrap>,
    /// The active node's API address.
    pub leader_api_addr: String,
    /// The format that the cluster is at.
    #[serde(default = "first_format")]
    pub format: u32,
}

fn first_format() -> u32 {
    1
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinAnswer {
    pub joiner: Member,
    #[serde(with = "base64_bytes")]
    pub challenge: Vec<u8>,
    #[serde(with = "base64_bytes")]
    pub answer: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Admission {
    /// JSON of the members, exactly the bytes that `proof` is about.
    #[serde(with = "base64_bytes")]
    pub members: Vec<u8>,
    #[serde(with = "base64_bytes")]
    pub proof: Vec<u8>,
}

mod base64_bytes {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What a joiner proves with that it holds the seal, and opens the root key with once it is in.
pub(super) enum Opener {
    /// What operators' shares make.
    Shares(UnsealKey),
    /// The seals of its configuration.
    Seals,
}

/// A join that waits for the unseal key.
pub(super) struct Pending {
    pub target: JoinTarget,
    pub seal: SealConfig,
    introduce: Arc<dyn Introduce>,
    /// Whether the join is being carried out.
    under_way: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("this node already belongs to a cluster")]
    AlreadyMember,
    /// It did, and is out of it.
    #[error("{0}")]
    Out(&'static str),
    #[error("{target} could not be asked to let this node join: {problem}")]
    Refused { target: String, problem: String },
}

#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    #[error("Vault is sealed")]
    Sealed,
    #[error("this node is not the active one; ask {0}")]
    NotActive(String),
    /// The joiner's fault.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

impl Node {
    /// Asks for admission. What remains is done when the unseal shares come, or at once where this node has a seal that
    /// needs none.
    pub async fn join(self: &Arc<Self>, target: JoinTarget, introduce: Arc<dyn Introduce>) -> Result<(), JoinError> {
        if let Some(why) = self.out() {
            return Err(JoinError::Out(why));
        }
        if self.replication.initialised() {
            return Err(JoinError::AlreadyMember);
        }
        if self.joining.lock().as_ref().is_some_and(|pending| pending.under_way) {
            return Ok(());
        }
        let joiner = self.joiner(&target);
        let challenge = introduce
            .challenge(&target, &joiner)
            .await
            .map_err(|problem| JoinError::Refused { target: target.leader_api_addr.clone(), problem })?;
        if let Some(problem) = self.replication.format_problem(challenge.format) {
            return Err(JoinError::Refused { target: target.leader_api_addr, problem });
        }
        let leader = target.leader_api_addr.clone();
        let mut kinds = self.seals.enabled().map(|seal| seal.seal.kind());
        let automatic = kinds.any(|kind| challenge.join_wraps.iter().any(|wrap| wrap.kind == kind));
        *self.joining.lock() = Some(Pending { target, seal: challenge.seal_config, introduce, under_way: false });
        if !automatic {
            tracing::info!(leader, "a cluster to join was found; waiting for the unseal shares");
            return Ok(());
        }
        tracing::info!(leader, "a cluster to join was found; joining by the seals of the configuration");
        let joined = self.join_with(Opener::Seals).await;
        joined.map_err(|problem| JoinError::Refused { target: leader, problem: problem.to_string() })
    }

    /// This node, as it asks that one to be let in.
    fn joiner(&self, target: &JoinTarget) -> Member {
        Member { non_voter: target.non_voter, ..self.replication.joining() }
    }

    /// Whether it has yet to find a cluster. One that waits for shares has found it; one that joins by itself is there
    /// only when it is in.
    pub fn seeks_cluster(&self) -> bool {
        let pending = self.joining.lock().is_some();
        !self.replication.initialised() && (!pending || self.unseals_itself())
    }

    pub(super) async fn join_with(self: &Arc<Self>, opener: Opener) -> Result<(), UnsealError> {
        match &mut *self.joining.lock() {
            Some(pending) if pending.under_way => {
                return Err(UnsealError::BadShare("this node is joining already; it unseals when that is done".into()));
            }
            Some(pending) => pending.under_way = true,
            None => return Err(UnsealError::NotInitialised),
        }
        let node = Arc::clone(self);
        let mut work = tokio::spawn(async move {
            let done = node.prove_and_enter(&opener).await;
            if let Err(problem) = &done {
                tracing::warn!(%problem, "the node was not let in");
                // Where the seals failed, shares may still come.
                if let Some(pending) = &mut *node.joining.lock() {
                    pending.under_way = false;
                }
            }
            done
        });
        match timeout(WAIT, &mut work).await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => Err(UnsealError::Failed(panic.to_string())),
            // It goes on; the answer shows the node as still sealed.
            Err(_) => Ok(()),
        }
    }

    async fn prove_and_enter(&self, opener: &Opener) -> Result<(), UnsealError> {
        let (target, introduce) = match &*self.joining.lock() {
            Some(pending) => (pending.target.clone(), Arc::clone(&pending.introduce)),
            None => return Err(UnsealError::NotInitialised),
        };
        self.enter(opener, &target, introduce.as_ref()).await?;
        self.wait_for_state().await?;
        self.wait_for_newest().await?;
        match opener {
            Opener::Shares(key) => self.open(key).await?,
            Opener::Seals => self.open_by_seals(self.sealings()).await?,
        }
        *self.joining.lock() = None;
        Ok(())
    }

    /// Whoever let this node in may have lost leadership before it could add it: then the next one is asked.
    async fn enter(&self, opener: &Opener, target: &JoinTarget, introduce: &dyn Introduce) -> Result<(), UnsealError> {
        let end = Instant::now() + CATCH_UP_MAX;
        let mut members = self.prove(opener, target, introduce).await?;
        loop {
            let problem = match self.replication.enter(members.clone()).await {
                Ok(()) => return Ok(()),
                Err(problem) => problem.to_string(),
            };
            if Instant::now() >= end {
                return Err(UnsealError::Failed(problem));
            }
            tracing::info!(problem, "this node was let in and is not in yet: it asks again");
            match self.prove(opener, target, introduce).await {
                Ok(now) => members = now,
                Err(problem) => tracing::info!(%problem, "this node could not ask again yet"),
            }
        }
    }

    /// Proves that this node holds the seal. Answers with the members.
    async fn prove(
        &self,
        opener: &Opener,
        target: &JoinTarget,
        introduce: &dyn Introduce,
    ) -> Result<Vec<Member>, UnsealError> {
        let failed = |e: &dyn std::fmt::Display| UnsealError::Failed(e.to_string());
        let joiner = self.joiner(target);
        let asked = introduce.challenge(target, &joiner).await.map_err(|e| failed(&e))?;
        let join_key = match opener {
            Opener::Shares(key) => key.join_key(),
            Opener::Seals => self.seals.find_join_key(&asked.join_wraps).await.map_err(UnsealError::Failed)?,
        };
        let proof = barrier::answer(&join_key, &asked.challenge, &joiner.name, &joiner.key, &bound(&joiner));
        let leader = JoinTarget { leader_api_addr: asked.leader_api_addr, ..target.clone() };
        let answer = JoinAnswer { joiner, challenge: asked.challenge, answer: proof.to_vec() };
        let admission = introduce.answer(&leader, &answer).await.map_err(|problem| match problem {
            NotLetIn::Refused(why) => UnsealError::BadShare(format!("the cluster does not let this node in: {why}")),
            NotLetIn::Failed(why) => UnsealError::Failed(why),
        })?;
        checked_members(&join_key, &answer.challenge, &admission)
    }

    async fn wait_for_state(&self) -> Result<(), UnsealError> {
        let end = Instant::now() + CATCH_UP_MAX;
        while Instant::now() < end {
            if self.has_state() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(UnsealError::Failed("the leader did not send the state in time".into()))
    }

    /// What comes first is a state of some time ago: shares that were replaced since open nothing in it.
    async fn wait_for_newest(&self) -> Result<(), UnsealError> {
        let end = Instant::now() + CATCH_UP_MAX;
        loop {
            let Err(problem) = self.replication.read_point(Instant::now() + NEWEST_WITHIN).await else { return Ok(()) };
            if Instant::now() >= end {
                return Err(UnsealError::Failed(format!("this node is in, and does not catch up: {problem}")));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The join key of the shares that this cluster has, where it is not the keyring's: a secondary takes over its primary's
    /// keyring, and its own shares stay.
    fn join_key_of_shares(&self) -> Option<JoinKey> {
        let (_, wraps) = self.stored_seal().ok()??;
        let kept = self.raw(&space::seal_join()).ok()??;
        self.barrier.kept_join_key(&kept, &wraps.of(SealKind::Shamir.name())?.key_id).ok()
    }

    /// The same as it is kept, for a secondary.
    pub(crate) fn kept_for_present_shares(&self) -> Option<Vec<u8>> {
        self.join_key_of_shares()?;
        self.raw(&space::seal_join()).ok()?
    }

    /// For whoever asks to join: any unsealed node can answer.
    pub fn challenge(&self, now: Millis, joiner: &str, key: &[u8; 32]) -> Result<JoinChallenge, AdmitError> {
        if self.is_sealed() {
            return Err(AdmitError::Sealed);
        }
        let leader_api_addr = match self.role() {
            Role::Active { .. } => self.replication.joining().api_address,
            Role::Standby { leader } => leader.api_address,
            Role::Unknown => return Err(AdmitError::Failed("no active node is known at the moment".into())),
        };
        let challenge =
            barrier::challenge(&self.barrier, now, joiner, key).map_err(|e| AdmitError::Refused(e.to_string()))?;
        let stored = self.stored_seal().map_err(|e| AdmitError::Failed(e.to_string()))?;
        let stored = stored.ok_or_else(|| AdmitError::Failed("the seal configuration is missing".into()))?;
        let (seal_config, wraps) = stored;
        let (join_wraps, format) = (wraps.join_wraps(), self.replication.format());
        Ok(JoinChallenge { challenge, seal_config, join_wraps, leader_api_addr, format })
    }

    /// What others heard from it while they led, this node does not know: so nobody is silent who could not have spoken for so
    /// long to this one.
    fn is_silent(&self, member: &MemberStatus) -> bool {
        let known = self.replication.autopilot();
        let servers = known.iter().flat_map(|state| &state.servers);
        servers.filter(|server| server.member.id == member.member.id).any(|server| server.last_contact >= SILENT)
    }

    /// By which key the joiner has shown that it holds the seal, where it is not the keyring's.
    fn shown(
        &self,
        now: Millis,
        joiner: &Member,
        challenge: &[u8],
        answer: &[u8],
    ) -> Result<Option<JoinKey>, barrier::JoinError> {
        let (name, key, bound) = (&joiner.name, &joiner.key, bound(joiner));
        match barrier::verify_answer(&self.barrier, now, challenge, name, key, &bound, answer) {
            Ok(()) => Ok(None),
            Err(wrong @ barrier::JoinError::WrongAnswer) => {
                let shares = self.join_key_of_shares().ok_or(wrong)?;
                barrier::verify_answer_by(&shares, challenge, name, key, &bound, answer).map(|()| Some(shares))
            }
            Err(problem) => Err(problem),
        }
    }

    /// On the active node: lets the joiner in if it holds the seal. It is added behind the answer, which it needs
    /// before it can take anything from us.
    pub fn admit(&self, now: Millis, request: JoinAnswer) -> Result<Admission, AdmitError> {
        if self.is_sealed() {
            return Err(AdmitError::Sealed);
        }
        match self.role() {
            Role::Active { .. } => {}
            Role::Standby { leader } => return Err(AdmitError::NotActive(leader.api_address)),
            Role::Unknown => return Err(AdmitError::Failed("no active node is known at the moment".into())),
        }
        let JoinAnswer { joiner, challenge, answer } = request;
        let by = self.shown(now, &joiner, &challenge, &answer).map_err(|e| AdmitError::Refused(e.to_string()))?;
        let members = self.replication.members();
        let namesake = members.iter().find(|m| m.member.name == joiner.name && m.member.key != joiner.key);
        if namesake.is_some_and(|namesake| namesake.leader || !self.is_silent(namesake)) {
            return Err(AdmitError::Refused(format!(
                "a member with node_id {:?} and another key answered less than {} s ago, or may have; give this node another \
                 node_id, or remove that one first, or ask again when it has been silent for so long",
                joiner.name,
                SILENT.as_secs()
            )));
        }
        // It was emptied, and comes back as what it was.
        let replaced = namesake.map(|m| m.member.id);
        if members.iter().any(|m| m.member.id == joiner.id && m.member.key != joiner.key) {
            return Err(AdmitError::Refused("a member with this id and another key exists".into()));
        }
        let others = members.into_iter().map(|m| m.member).filter(|m| m.id != joiner.id && Some(m.id) != replaced);
        let members: Vec<Member> = others.chain([joiner.clone()]).collect();
        let members = serde_json::to_vec(&members).map_err(|e| AdmitError::Failed(e.to_string()))?;
        let proof = match by {
            Some(key) => Ok(barrier::prove_members_by(&key, &challenge, &members)),
            None => barrier::prove_members(&self.barrier, &challenge, &members),
        };
        let proof = proof.map_err(|e| AdmitError::Failed(e.to_string()))?.to_vec();
        let replication = Arc::clone(&self.replication);
        tokio::spawn(async move {
            let (name, deadline) = (joiner.name.clone(), Instant::now() + ADMIT_MAX);
            if let Some(old) = replaced {
                match replication.change_member(old, MemberChange::Remove, deadline).await {
                    Ok(()) => {
                        tracing::warn!(node = name, "a node is there anew: what was a member under its name is removed")
                    }
                    Err(problem) => {
                        tracing::error!(node = name, %problem, "a node was not added: its name is taken");
                        return;
                    }
                }
            }
            match replication.admit(joiner, deadline).await {
                Ok(_) => tracing::info!(node = name, "a node has joined"),
                Err(problem) => tracing::error!(node = name, %problem, "a node was not added"),
            }
        });
        Ok(Admission { members, proof })
    }
}

/// Keeps the join key of the shares that have wrapped the root key, if there are any.
pub(crate) fn kept_for_shares(root: &RootKey, join: &JoinKey, wraps: &WrappedRoot) -> Option<(RawKey, Bytes)> {
    let shares = &wraps.of(SealKind::Shamir.name())?.key_id;
    Some((space::seal_join(), Bytes::from(barrier::keep_join_key(root, join, shares))))
}

/// What the joiner's proof covers besides its name and key: all that members will be told of it.
fn bound(joiner: &Member) -> String {
    let vote = if joiner.non_voter { " without a vote" } else { "" };
    format!("{:016x} {} {}{vote}", joiner.id, joiner.address, joiner.api_address)
}

fn checked_members(key: &JoinKey, challenge: &[u8], admission: &Admission) -> Result<Vec<Member>, UnsealError> {
    barrier::verify_members(key, challenge, &admission.members, &admission.proof)
        .map_err(|e| UnsealError::Failed(e.to_string()))?;
    serde_json::from_slice(&admission.members).map_err(|e| UnsealError::Failed(e.to_string()))
}
