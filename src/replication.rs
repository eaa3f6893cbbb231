//! The cluster as core wants to see it: fills in [`Replication`] with a [`cluster::Node`].

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::{ChangeError, Leadership, Node};
use holdfast_core::autopilot::{AutopilotConfig, AutopilotState, ServerHealth};
use holdfast_core::dr::Link;
use holdfast_core::replication::{
    Asker, ForwardError, Leader, Load, LoadError, Loaded, Member, MemberChange, MemberError, MemberStatus, Outcome,
    Position, Recovery, Replication, Role, Unavailable, UnsealedBy,
};
use storage::{Batch, Epoch, Millis, RawKey, RequestId, Revision, SealedStore, Stored, Term};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::other_cluster::OtherCluster;

/// How long a joiner waits for the log to begin to come before it asks again.
const ENTER_MAX: std::time::Duration = std::time::Duration::from_secs(15);

pub struct ClusterReplication {
    node: Arc<Node>,
    other: Arc<OtherCluster>,
    role: watch::Receiver<Role>,
    /// The folder of the state.
    data: PathBuf,
}

impl ClusterReplication {
    pub fn new(node: Arc<Node>, data: PathBuf) -> Self {
        let mut leadership = node.leadership();
        let (tell, role) = watch::channel(role_of(&leadership.borrow()));
        tokio::spawn(async move {
            while leadership.changed().await.is_ok() {
                let now = role_of(&leadership.borrow_and_update());
                tell.send_if_modified(|role| {
                    let changed = *role != now;
                    if changed {
                        tracing::info!(role = ?now, "this node's role has changed");
                        *role = now;
                    }
                    changed
                });
            }
        });
        let other = Arc::new(OtherCluster::new(Arc::clone(&node)));
        Self { node, other, role, data }
    }
}

fn role_of(leadership: &Leadership) -> Role {
    match &leadership.role {
        cluster::Role::Leader { ready: true } => Role::Active { term: Term(leadership.term) },
        cluster::Role::Leader { ready: false } | cluster::Role::Unknown => Role::Unknown,
        cluster::Role::Follower { leader } => Role::Standby {
            leader: Leader { api_address: leader.api_address.clone(), cluster_address: leader.address.clone() },
        },
    }
}

fn outcome(outcome: cluster::Outcome) -> Outcome {
    match outcome {
        cluster::Outcome::Ran(ran) => Outcome::Ran(ran),
        cluster::Outcome::NotRun => Outcome::NotRun,
        cluster::Outcome::Unknown => Outcome::Unknown,
    }
}

fn unavailable(error: impl std::fmt::Display) -> Unavailable {
    Unavailable(error.to_string())
}

fn load_error(error: cluster::LoadError) -> LoadError {
    match error {
        cluster::LoadError::Unknown => LoadError::Unknown(error.to_string()),
        _ => LoadError::Unavailable(error.to_string()),
    }
}

struct ClusterLoad(cluster::Load);

#[async_trait]
impl Load for ClusterLoad {
    async fn add(&mut self, records: Vec<(RawKey, Stored)>) -> Result<(), LoadError> {
        self.0.add(records).await.map_err(load_error)
    }

    async fn switch(self: Box<Self>, loaded: Loaded) -> Result<Revision, LoadError> {
        let Loaded { revision, fingerprint, checks, puts, prefix_deletes } = loaded;
        let loaded = cluster::Loaded { revision, fingerprint, checks, puts, prefix_deletes };
        self.0.switch(loaded).await.map_err(load_error)
    }
}

pub(crate) fn to_core(id: u64, member: &cluster::Member) -> Member {
    Member {
        id,
        name: member.name.clone(),
        address: member.address.clone(),
        api_address: member.api_address.clone(),
        key: member.key,
        non_voter: member.non_voter,
    }
}

pub(crate) fn to_cluster(member: Member) -> (u64, cluster::Member) {
    let Member { id, name, address, api_address, key, non_voter } = member;
    (id, cluster::Member { name, address, api_address, key, non_voter })
}

#[async_trait]
impl Replication for ClusterReplication {
    /// A founding that was cut off before its first batch does not count: it can be done again.
    fn initialised(&self) -> bool {
        self.node.initialised() && (self.node.members().len() > 1 || self.node.fingerprint().0.n > 0)
    }

    fn store(&self) -> Arc<dyn SealedStore> {
        self.node.store()
    }

    fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    fn position(&self) -> Position {
        let (committed, applied) = self.node.progress();
        Position { committed, applied }
    }

    async fn moved_past(&self, applied: u64) {
        self.node.moved_past(applied).await;
    }

    fn members(&self) -> Vec<MemberStatus> {
        let members = self.node.members();
        members
            .iter()
            .map(|m| MemberStatus {
                member: to_core(m.id, &m.member),
                voter: m.voter,
                leader: m.leader,
                last_contact: m.last_contact,
                sealed: m.sealed,
            })
            .collect()
    }

    fn format(&self) -> u32 {
        self.node.format().0
    }

    fn format_problem(&self, format: u32) -> Option<String> {
        self.node.format().1.problem(format)
    }

    fn recovery(&self) -> Option<Recovery> {
        let recovery = self.node.recovery()?;
        let cluster::Recovered { survivors, former, .. } = &recovery.recovered;
        let from = cluster::recovery::At::from(recovery.recovered.from);
        Some(Recovery {
            index: recovery.index,
            from_term: from.term,
            from_index: from.index,
            survivors: survivors.clone(),
            former: former.iter().map(|(_, member)| member.name.clone()).collect(),
        })
    }

    fn other_cluster(&self) -> Arc<dyn Link> {
        Arc::clone(&self.other) as _
    }

    fn now(&self) -> Millis {
        self.node.now()
    }

    fn staleness(&self) -> Option<std::time::Duration> {
        self.node.staleness()
    }

    fn clock_is_steady(&self) -> bool {
        self.node.clock_is_steady()
    }

    fn set_sealed(&self, sealed: bool) {
        self.node.set_sealed(sealed);
    }

    async fn read_point(&self, deadline: Instant) -> Result<Millis, Unavailable> {
        self.node.read_point(deadline).await.map(|point| point.now).map_err(unavailable)
    }

    async fn found(&self, first: Batch) -> Result<(), Unavailable> {
        self.node.found(first).await.map(|_| ()).map_err(unavailable)
    }

    async fn load(&self) -> Result<Box<dyn Load>, LoadError> {
        Ok(Box::new(ClusterLoad(self.node.load().await.map_err(load_error)?)))
    }

    async fn found_by_load(&self) -> Result<Box<dyn Load>, LoadError> {
        self.node.found_empty().await.map_err(|e| LoadError::Unavailable(e.to_string()))?;
        self.load().await
    }

    fn epoch(&self) -> watch::Receiver<Epoch> {
        self.node.epoch()
    }

    fn scratch(&self) -> std::io::Result<std::fs::File> {
        tempfile::tempfile_in(&self.data)
    }

    fn room(&self) -> std::io::Result<u64> {
        crate::server::room(&self.data)
    }

    fn joining(&self) -> Member {
        let joining = self.node.joining();
        to_core(joining.id, &joining.member)
    }

    async fn admit(&self, joiner: Member, deadline: Instant) -> Result<Vec<Member>, Unavailable> {
        let (id, member) = to_cluster(joiner);
        let members = self.node.admit(cluster::Joining { id, member }, deadline).await.map_err(unavailable)?;
        Ok(members.iter().map(|(id, member)| to_core(*id, member)).collect())
    }

    async fn enter(&self, members: Vec<Member>) -> Result<(), Unavailable> {
        let members = members.into_iter().map(to_cluster).collect();
        self.node.enter(members, Instant::now() + ENTER_MAX).await.map_err(unavailable)
    }

    async fn change_member(&self, id: u64, change: MemberChange, deadline: Instant) -> Result<(), MemberError> {
        let change = match change {
            MemberChange::Remove => cluster::MemberChange::Remove,
            MemberChange::Promote => cluster::MemberChange::Promote,
            MemberChange::Demote => cluster::MemberChange::Demote,
        };
        self.node.change_member(id, change, deadline).await.map_err(|error| {
            let text = error.to_string();
            match error {
                ChangeError::NotLeader | ChangeError::InProgress => MemberError::Unavailable(text),
                ChangeError::Unknown(_) => MemberError::Unknown(text),
                _ => MemberError::Refused(text),
            }
        })
    }

    fn removed(&self) -> watch::Receiver<bool> {
        self.node.removed()
    }

    fn diverged(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.node.diverged()
    }

    fn heartbeat(&self) -> std::time::Duration {
        self.node.heartbeat()
    }

    fn election_timeout(&self) -> std::time::Duration {
        self.node.election_timeout()
    }

    fn autopilot(&self) -> Option<AutopilotState> {
        let state = self.node.autopilot()?;
        let server = |server: &cluster::ServerHealth| ServerHealth {
            member: to_core(server.id, &server.member),
            voter: server.voter,
            leader: server.leader,
            last_contact: server.last_contact,
            last_term: server.last.term,
            last_index: server.last.index,
            healthy: server.healthy,
            failed: server.failed,
            stable_for: server.since.elapsed(),
        };
        Some(AutopilotState {
            healthy: state.is_healthy(),
            failure_tolerance: state.failure_tolerance(),
            servers: state.servers.iter().map(server).collect(),
        })
    }

    fn configure_autopilot(&self, config: &AutopilotConfig) {
        let AutopilotConfig {
            cleanup_dead_servers,
            last_contact_threshold,
            dead_server_last_contact_threshold,
            max_trailing_logs,
            min_quorum,
            server_stabilization_time,
        } = *config;
        self.node.configure_autopilot(cluster::AutopilotConfig {
            cleanup_dead_servers,
            last_contact_threshold,
            dead_server_last_contact_threshold,
            max_trailing_logs,
            min_quorum: usize::try_from(min_quorum).unwrap_or(usize::MAX),
            server_stabilization_time,
        });
    }

    async fn forward(&self, id: RequestId, payload: Bytes, deadline: Instant) -> Result<Bytes, ForwardError> {
        self.node.forward(id, payload, deadline).await.map_err(|error| match error {
            cluster::ForwardError::Unclear => ForwardError::Unclear(error.to_string()),
            cluster::ForwardError::NotSent | cluster::ForwardError::Refused(_) => {
                ForwardError::NotSent(error.to_string())
            }
        })
    }

    async fn outcome(&self, id: RequestId, asker: Asker, deadline: Instant) -> Result<Outcome, Unavailable> {
        let asked = match asker {
            Asker::Another => self.node.outcome(id, deadline).await,
            Asker::Itself => self.node.own_outcome(id, deadline).await,
        };
        asked.map(outcome).map_err(unavailable)
    }

    async fn ask_to_unseal(&self, question: Bytes) -> Result<UnsealedBy, Unavailable> {
        let asked = self.node.ask_to_unseal(question).await;
        let cluster::Unsealed { by, name, answer } = asked.map_err(|refusals| match refusals.is_empty() {
            true => Unavailable("there is no other member".to_owned()),
            false => Unavailable(refusals.join("; ")),
        })?;
        Ok(UnsealedBy { id: by, name, answer })
    }

    async fn step_down(&self, deadline: Instant) -> Result<(), Unavailable> {
        self.node.step_down(deadline).await.map_err(unavailable)
    }
}
