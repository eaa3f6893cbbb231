//! One node of the cluster, for the rest of the server.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use storage::{Batch, Committed, Epoch, Millis, RequestId, SealedStore, StoreError};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use crate::autopilot::{Autopilot, AutopilotState, Config};
use crate::change::{self, ChangeError, Changes, MemberChange};
use crate::consensus::Member;
use crate::divergence::Divergence;
use crate::dr::compare;
use crate::dr::{Dr, DrChange, DrError, Enrolled, PrimaryProgress, SecondaryProgress, Standing};
use crate::fitness::Fitness;
use crate::format::Formats;
use crate::forward::{ForwardError, Forwards, Outcome, OutcomeError};
use crate::handover::TransferError;
use crate::join::{AdmitError, EnterError, FoundError, Join, Joining};
use crate::leadership::Leadership;
use crate::load::{Load, LoadError, Loads};
use crate::log::LogStore;
use crate::membership::{self, MemberStatus};
use crate::network::{Answers, Claim, ForwardRefusal, Hello, Left, Listener, Verdict};
use crate::reads::{ReadError, ReadPoint, Reads};
use crate::recovery::Recovery;
use crate::shared::{Shared, members};
use crate::store::Store;
use crate::threads::Threads;
use crate::unseal::{Unsealed, Unseals};

/// A handle to the running node. It runs until [`shutdown`](Self::shutdown), or until dropped, which is a crash.
pub struct Node {
    shared: Arc<Shared>,
    store: Arc<Store>,
    reads: Arc<Reads>,
    forwards: Arc<Forwards>,
    changes: Changes,
    autopilot: Arc<Autopilot>,
    join: Join,
    loads: Arc<Loads>,
    unseals: Arc<Unseals>,
    dr: Dr,
    parts: Mutex<Option<Parts>>,
}

/// The whole of the replicated records at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullHash {
    pub revision: storage::Revision,
    pub fingerprint: [u8; 32],
    /// Over keys, revisions and values, in the order of keys.
    pub sha256: [u8; 32],
    pub records: u64,
}

/// What has to be ended.
pub(crate) struct Parts {
    pub closing: watch::Sender<bool>,
    pub listener: Listener,
    pub tasks: Vec<JoinHandle<()>>,
    pub threads: Threads,
    pub lock: File,
    pub log: LogStore,
    /// The network's view of the node, which would keep it alive.
    pub whole: Arc<Mutex<Option<Arc<Shared>>>>,
}

impl Node {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        shared: Arc<Shared>,
        store: Arc<Store>,
        reads: Arc<Reads>,
        forwards: Arc<Forwards>,
        changes: Changes,
        autopilot: Arc<Autopilot>,
        join: Join,
        loads: Arc<Loads>,
        unseals: Arc<Unseals>,
        dr: Dr,
        parts: Parts,
    ) -> Self {
        Self {
            shared,
            store,
            reads,
            forwards,
            changes,
            autopilot,
            join,
            loads,
            unseals,
            dr,
            parts: Mutex::new(Some(parts)),
        }
    }

    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// Whether it belongs to a cluster.
    pub fn initialised(&self) -> bool {
        self.join.initialised()
    }

    /// Makes a cluster of this node alone and commits its first batch.
    pub async fn found(&self, first: Batch) -> Result<Committed, FoundError> {
        self.join.found(first).await
    }

    /// Begins to load the replicated keys anew, on the leader. What other keys there are, members for instance, stays.
    pub async fn load(&self) -> Result<Load, LoadError> {
        self.loads.begin().await
    }

    /// Makes a cluster of this node alone, whose data is to be loaded. May be called again when that has failed.
    pub async fn found_empty(&self) -> Result<(), FoundError> {
        self.join.lead_alone().await.map(|_| ())
    }

    /// The line of history that the state is on; moves with a load's switch.
    pub fn epoch(&self) -> watch::Receiver<Epoch> {
        self.shared.reader.epoch()
    }

    /// What this node shows to be let into a cluster.
    pub fn joining(&self) -> Joining {
        self.join.joining()
    }

    /// On the leader, after the joiner has proven itself: lets it in as a learner; it becomes a voter by itself once it
    /// has caught up. Answers with whom the joiner is to [`enter`](Self::enter).
    pub async fn admit(&self, joining: Joining, deadline: Instant) -> Result<Vec<(u64, Member)>, AdmitError> {
        self.join.admit(joining, deadline).await
    }

    /// On the joiner: listens to these members, also after a restart, and waits until the log begins to come.
    pub async fn enter(&self, members: Vec<(u64, Member)>, deadline: Instant) -> Result<(), EnterError> {
        self.join.enter(members, deadline).await
    }

    /// Comes back once more than that is applied here.
    pub async fn moved_past(&self, applied: u64) {
        let mut position = self.shared.reader.position();
        // Its sender lives as long as the state does.
        let _ = position.wait_for(|position| position.index() > applied).await;
    }

    /// A sealed node votes and replicates, but leaves leading to others. A node begins sealed.
    pub fn set_sealed(&self, sealed: bool) {
        if self.shared.local.set_sealed(sealed) {
            self.changes.campaign.wake();
        }
    }

    /// What the server has found out about this node.
    pub fn set_fitness(&self, fitness: Fitness) {
        if self.shared.local.fitness.set(fitness) {
            self.changes.campaign.wake();
        }
    }

    /// For how long the log's disk has been at one write.
    pub fn log_stall(&self) -> Duration {
        self.parts.lock().as_ref().map_or(Duration::ZERO, |parts| parts.log.stall())
    }

    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.leadership.subscribe()
    }

    pub fn store(&self) -> Arc<dyn SealedStore> {
        self.store.clone()
    }

    /// Waits until this node's state holds everything that was acknowledged, anywhere, before the call.
    pub async fn read_point(&self, deadline: Instant) -> Result<ReadPoint, ReadError> {
        self.reads.point(deadline).await
    }

    /// How long ago this node had all that its leader had committed; unknown while it lacks some of it.
    pub fn staleness(&self) -> Option<Duration> {
        let (committed, applied) = self.progress();
        if applied < committed {
            return None;
        }
        match self.shared.leads() {
            true => Some(Duration::ZERO),
            false => self.shared.local.clock.since_told(),
        }
    }

    /// The cluster's time.
    pub fn now(&self) -> Millis {
        self.shared.now()
    }

    /// Whether the clocks agree well enough for anything to expire.
    pub fn clock_is_steady(&self) -> bool {
        self.shared.clock_is_steady()
    }

    /// The format that the cluster is at, and those that this version reads.
    pub fn format(&self) -> (u32, Formats) {
        (self.shared.reader.format(), self.shared.local.formats())
    }

    /// The newest recovery of this cluster from what was left of it.
    pub fn recovery(&self) -> Option<Arc<Recovery>> {
        self.shared.reader.recovery()
    }

    pub fn members(&self) -> Vec<MemberStatus> {
        membership::status(&self.shared)
    }

    /// On the leader: takes a member out, or gives or takes its vote. Done again, it changes nothing.
    pub async fn change_member(&self, id: u64, change: MemberChange, deadline: Instant) -> Result<(), ChangeError> {
        self.changes.change(id, change, deadline).await
    }

    /// How often a leader is heard of.
    pub fn heartbeat(&self) -> Duration {
        self.shared.local.timing().heartbeat
    }

    /// How long one is waited for at the longest.
    pub fn election_timeout(&self) -> Duration {
        self.shared.local.timing().election_max
    }

    /// How healthy the members are; none on a node that does not lead.
    pub fn autopilot(&self) -> Option<AutopilotState> {
        self.autopilot.look()
    }

    /// What counts as healthy and what is done about the rest. Until it is called, nobody is taken out.
    pub fn configure_autopilot(&self, config: Config) {
        self.autopilot.configure(config);
    }

    /// Becomes true when the cluster has removed this node.
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.shared.peers.removed()
    }

    /// Comes to say why this node has stopped, when its state is found not to be that of the others. It serves nothing then,
    /// and does not start again.
    pub fn diverged(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.diverged.subscribe()
    }

    /// Has the present leader handle the payload, which is ciphertext.
    pub async fn forward(&self, id: RequestId, payload: Bytes, deadline: Instant) -> Result<Bytes, ForwardError> {
        self.forwards.forward(id, payload, deadline).await
    }

    /// As [`outcome`](Self::outcome), asked by the request itself: it does not wait for that request to end.
    pub async fn own_outcome(&self, id: RequestId, deadline: Instant) -> Result<Outcome, OutcomeError> {
        self.forwards.own_outcome(id, deadline).await
    }

    /// What became of a request, as the present leader knows.
    pub async fn outcome(&self, id: RequestId, deadline: Instant) -> Result<Outcome, OutcomeError> {
        self.forwards.outcome(id, deadline).await
    }

    /// Asks the other members to unseal this one. Why not, says each that did not.
    pub async fn ask_to_unseal(&self, question: Bytes) -> Result<Unsealed, Vec<String>> {
        self.unseals.ask(question).await
    }

    /// How the cluster stands to others.
    pub fn standing(&self) -> watch::Receiver<Arc<Standing>> {
        self.shared.reader.standing()
    }

    /// On the leader: has the cluster stand otherwise to others.
    pub async fn change_standing(&self, change: DrChange, deadline: Instant) -> Result<(), DrError> {
        self.dr.stands.change(change, deadline).await
    }

    /// On the leader of a cluster that is to be a secondary: shows the secret of an activation token to the primary.
    pub async fn enroll(
        &self,
        primary: &[(u64, Member)],
        secret: [u8; 32],
        question: Bytes,
        deadline: Instant,
    ) -> Result<Enrolled, DrError> {
        self.dr.stands.enroll(primary, secret, question, deadline).await
    }

    /// On the leader of a primary: how far its secondaries are.
    pub fn primary_progress(&self) -> Option<PrimaryProgress> {
        self.dr.serving.progress()
    }

    /// On the leader of a secondary: how far it is.
    pub fn secondary_progress(&self) -> Option<SecondaryProgress> {
        let follows = self.shared.leads() && self.shared.reader.standing().borrow().source().is_some();
        follows.then(|| self.dr.following.progress())
    }

    /// Hands leadership to the best unsealed voter.
    pub async fn transfer(&self, deadline: Instant) -> Result<(), TransferError> {
        self.changes.handover.transfer(deadline).await
    }

    /// Hands leadership over and stays away from elections for a while.
    pub async fn step_down(&self, deadline: Instant) -> Result<(), TransferError> {
        self.changes.campaign.abstain();
        let stepped = self.transfer(deadline).await;
        if stepped.is_err() {
            self.changes.campaign.resume();
        }
        stepped
    }

    /// Up to which log index the cluster has committed, as far as this node was told, and up to which it has applied.
    pub fn progress(&self) -> (u64, u64) {
        (self.shared.committed(), self.shared.applied().map_or(0, |id| id.index))
    }

    /// The state's revision and its fingerprint: equal on all nodes when the revision is.
    pub fn fingerprint(&self) -> (storage::Revision, [u8; 32]) {
        self.shared.moment()
    }

    /// Reads every replicated record: a hash of all of them, how many there are, and at which revision.
    pub async fn full_hash(&self) -> Result<FullHash, StoreError> {
        let state = self.shared.reader.snapshot()?;
        let hashing = spawn_blocking(move || {
            let (sha256, records) = compare::whole(&*state)?;
            Ok(FullHash { revision: state.revision(), fingerprint: state.fingerprint(), sha256, records })
        });
        hashing.await.map_err(|error| StoreError::Io(error.to_string()))?
    }

    /// Writes the state as it is now into a folder that must not exist.
    pub async fn checkpoint(&self, folder: PathBuf) -> io::Result<()> {
        let reader = self.shared.reader.clone();
        spawn_blocking(move || reader.checkpoint_to(&folder)).await.map_err(io::Error::other)?
    }

    /// Hands leadership over if it has it, then ends everything. Unfinished requests are cut off at the deadline.
    pub async fn shutdown(&self, deadline: Instant) {
        let Some(parts) = self.parts.lock().take() else { return };
        if self.shared.leadership.borrow().leads() {
            let half = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
            if let Err(error) = self.transfer(half).await {
                tracing::info!(error = %error, "leadership was not handed over before the end");
            }
        }
        parts.closing.send_replace(true);
        let Parts { listener, tasks, threads, lock, log, whole, .. } = parts;
        let drain = deadline.saturating_duration_since(Instant::now()).min(DRAIN);
        tasks.iter().for_each(JoinHandle::abort);
        if timeout_at(deadline, self.shared.raft.shutdown()).await.is_err() {
            tracing::warn!("consensus did not end in time");
        }
        listener.close(drain).await;
        whole.lock().take();
        let reader = self.shared.reader.clone();
        let ended = spawn_blocking(move || {
            log.close();
            reader.close();
            drop(lock);
        });
        if timeout_at(deadline, ended).await.is_err() {
            tracing::warn!("the stores did not close in time");
        }
        drop(threads);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.lock().take() {
            parts.tasks.iter().for_each(JoinHandle::abort);
            parts.whole.lock().take();
        }
    }
}

const DRAIN: Duration = Duration::from_secs(1);

/// The answers that other nodes get.
pub(crate) struct Services {
    pub shared: Arc<Shared>,
    pub reads: Arc<Reads>,
    pub forwards: Arc<Forwards>,
    pub unseals: Arc<Unseals>,
    pub divergence: Arc<Divergence>,
}

#[async_trait]
impl Answers for Services {
    async fn read_index(&self, deadline: Instant) -> Option<(u64, Millis)> {
        self.reads.here(deadline).await.ok().map(|point| (point.index, point.now))
    }

    async fn forwarded(
        &self,
        from: u64,
        term: u64,
        id: RequestId,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, Option<ForwardRefusal>> {
        self.forwards.handle(from, term, id, payload, deadline).await
    }

    async fn outcome(&self, id: RequestId, deadline: Instant) -> Option<Verdict> {
        self.forwards.outcome_here(id, deadline).await
    }

    async fn unseal(&self, from: u64, question: Bytes) -> Result<Bytes, String> {
        self.unseals.answer(from, question).await
    }

    fn compare(&self, from: u64, claim: Claim) -> Option<Claim> {
        self.divergence.compare(from, claim)
    }

    async fn leave(&self, member: u64, stays: bool, deadline: Instant) -> Left {
        match change::leave(&self.shared, member, stays, deadline).await {
            Ok(()) => Left::Done,
            Err(ChangeError::NotLeader) => Left::NotLeader,
            Err(ChangeError::Unknown(why)) => Left::Unknown(why),
            Err(error) => Left::Refused(error.to_string()),
        }
    }

    fn hello(&self, from: Option<(u64, Member)>) -> Hello {
        let stored = self.shared.membership();
        if let Some((id, member)) = from {
            self.shared.vouched.says(id, member, &stored);
            membership::refresh(&self.shared);
        }
        let members = members(stored.membership());
        Hello {
            initialised: !members.is_empty(),
            members,
            members_at: stored.log_id().as_ref().map_or(0, |id| id.index),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(feature = "faults")]
mod under_test;
