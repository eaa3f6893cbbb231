//! A node's life: initialised, sealed, unsealed; and how it joins others.

mod adopt;
mod attune;
mod auto_unseal;
mod ceremony;
mod change;
mod follow;
mod founding;
mod from_members;
mod generate_root;
pub(crate) mod generation;
mod init;
mod join;
mod migration;
mod out;
mod recovered;
mod rekey;
mod rewrap;
mod rotation;
mod seal_change;
mod seals;
mod status;
mod tenant_calls;
mod tenant_holders;
mod tenant_keys;
mod tenant_rotation;
mod tenant_services;
mod tenants;
#[cfg(test)]
mod tests;
mod unseal;
mod unsealings;
mod usage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use barrier::{Barrier, SealConfig, WrappedRoot};
use parking_lot::Mutex;
use sdk::{Forget, Plugin, PluginKind};
use serde::{Deserialize, Serialize};
use storage::{Listings, OpenStore, Read, Value, View};
use tokio::sync::{Notify, watch};

pub(crate) use attune::Keys;
pub use ceremony::{CeremonyError, HandedOut};
pub use change::ChangeError;
pub use founding::Neighbours;
pub use generate_root::{GenerateRootProgress, NewRoot};
pub use generation::{GenerationStarted, GenerationStatus, decode_token};
pub use init::{InitError, InitOptions, Initialised, Recipients};
pub(crate) use join::kept_for_shares;
pub use join::{Admission, AdmitError, Introduce, JoinAnswer, JoinChallenge, JoinError, JoinTarget, NotLetIn};
pub use rekey::{
    Counting, NewShares, RekeyBackup, RekeyOptions, RekeyProgress, RekeyStatus, Rekeyed, ShareKind, VerifyProgress,
    VerifyStatus,
};
pub use rotation::{KeyStatus, RotationConfig, rotation_key};
pub use seal_change::SealEntry;
pub use seals::{ConfiguredSeal, SealHealth};
pub use status::SealStatus;
pub(crate) use tenant_keys::Brought;
pub use tenants::TenantStatus;
pub use unseal::UnsealError;

use attune::Attuned;

use crate::audit::Audit;
use crate::backup::Saves;
use crate::backup::auto::Folders;
use crate::catalog::Catalog;
use crate::denials::Denials;
use crate::dr::{Link, Standing};
use crate::identity::mfa::{Asking, Asks, AsksNobody};
use crate::in_flight::InFlight;
use crate::lanes::Lanes;
use crate::lockout::{LockoutDefaults, Lockouts};
use crate::mount::{Mounts, TtlLimits};
use crate::namespace::{KeyServices, Namespaces, NoKeyServices};
use crate::policies::Policies;
use crate::quota::Quotas;
use crate::replication::{Replication, Role};
use crate::space;
use crate::token::Tokens;

/// What the cluster is called; known to unsealed nodes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    pub name: String,
    pub id: String,
}

/// What the configuration says about serving.
#[derive(Clone)]
pub struct Settings {
    pub limits: TtlLimits,
    pub lockouts: LockoutDefaults,
    /// Where backups that make themselves may be written.
    pub snapshot_folders: Folders,
    /// Members unseal each other when they are started anew.
    pub from_members: bool,
    /// What unseals this node without anybody's help.
    pub seals: Vec<ConfiguredSeal>,
    /// Whom it was told to ask for a cluster to join.
    pub neighbours: Option<Neighbours>,
    /// Who asks for second factors that others ask for.
    pub second_factors: Arc<dyn Asks>,
    /// What can open namespaces that have seals of their own.
    pub key_services: Arc<dyn KeyServices>,
}

/// The handles that requests and endpoints use, by concern.
pub struct Node {
    pub barrier: Arc<Barrier>,
    pub replication: Arc<dyn Replication>,
    pub(crate) other_cluster: Arc<dyn Link>,
    /// How this cluster stands to it.
    pub(crate) standing: watch::Receiver<Standing>,
    pub mounts: Arc<Mounts>,
    pub namespaces: Arc<Namespaces>,
    pub policies: Arc<Policies>,
    pub tokens: Arc<Tokens>,
    pub lockouts: Lockouts,
    pub in_flight: InFlight,
    pub lanes: Lanes,
    pub(crate) quotas: Quotas,
    pub denials: Denials,
    pub audit: Arc<Audit>,
    pub store: OpenStore,
    pub listings: Arc<Listings>,
    pub snapshot_folders: Folders,
    pub(crate) second_factors: Arc<dyn Asks>,
    pub(crate) asking: Asking,
    pub(crate) key_services: Arc<dyn KeyServices>,
    from_members: bool,
    /// What unseals this node without anybody's help, if it is configured so.
    seals: seals::Seals,
    migrating: Mutex<migration::Agreement>,
    /// Told when there may be something to do about the wraps.
    rewrapping: Notify,
    /// How often it was sealed by request.
    sealings: AtomicU64,
    neighbours: Option<Neighbours>,
    unsealing: Mutex<unseal::Progress>,
    joining: Mutex<Option<join::Pending>>,
    cluster: Mutex<Option<ClusterInfo>>,
    pub(crate) founding: tokio::sync::Mutex<()>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) saves: Saves,
    keyring: Arc<follow::Follower>,
    pub(crate) tenants: tenants::Tenants,
    usage: Mutex<usage::Usage>,
    /// Held while the keyring or the wraps of the root key are changed.
    changing: tokio::sync::Mutex<()>,
    rekeying: tokio::sync::Mutex<Option<rekey::Rekey>>,
    generating: tokio::sync::Mutex<Option<generation::Generation>>,
    /// Of an operation token.
    pub(crate) operating: tokio::sync::Mutex<Option<generation::Generation>>,
    /// Held while keys come or go.
    turning: Mutex<()>,
    /// They may keep records in the clear, and have things to do by themselves. Some of them hold this node.
    plugins: OnceLock<Vec<Weak<dyn Plugin>>>,
}

impl Settings {
    /// With these limits, and nothing else out of the ordinary.
    pub fn new(limits: TtlLimits) -> Self {
        let (lockouts, snapshot_folders) = (LockoutDefaults::default(), Folders::default());
        Self {
            limits,
            lockouts,
            snapshot_folders,
            from_members: false,
            seals: Vec::new(),
            neighbours: None,
            second_factors: Arc::new(AsksNobody),
            key_services: Arc::new(NoKeyServices),
        }
    }
}

impl Node {
    pub fn new(replication: Arc<dyn Replication>, settings: Settings) -> Arc<Self> {
        let limits = settings.limits;
        let barrier = Arc::new(Barrier::new());
        let keys = Arc::new(Keys::new(Arc::clone(&barrier)));
        let store = Arc::new(Attuned { store: replication.store(), keys: Arc::clone(&keys) });
        let keyring = Arc::new(follow::Follower::new(Arc::clone(&barrier), replication.store()));
        let other_cluster = replication.other_cluster();
        let namespaces = Arc::new(Namespaces::new(Arc::clone(&barrier)));
        Arc::new(Self {
            mounts: Arc::new(Mounts::new(limits)),
            policies: Arc::new(Policies::default()),
            tokens: Arc::new(Tokens::new(Arc::clone(&barrier), Arc::clone(&namespaces), limits)),
            namespaces,
            lockouts: Lockouts::new(settings.lockouts),
            in_flight: InFlight::default(),
            lanes: Lanes::default(),
            quotas: Quotas::default(),
            denials: Denials::default(),
            snapshot_folders: settings.snapshot_folders,
            second_factors: settings.second_factors,
            asking: Asking::default(),
            key_services: settings.key_services,
            from_members: settings.from_members,
            audit: Arc::new(Audit::new(Arc::clone(&barrier))),
            store: OpenStore::new(store, Arc::clone(&keyring) as _),
            listings: Arc::default(),
            keys,
            saves: Saves::default(),
            keyring,
            tenants: tenants::Tenants::default(),
            usage: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            rekeying: tokio::sync::Mutex::default(),
            generating: tokio::sync::Mutex::default(),
            operating: tokio::sync::Mutex::default(),
            barrier,
            replication,
            standing: other_cluster.standing(),
            other_cluster,
            seals: seals::Seals::new(settings.seals),
            migrating: Mutex::default(),
            rewrapping: Notify::new(),
            sealings: AtomicU64::default(),
            neighbours: settings.neighbours,
            unsealing: Mutex::default(),
            joining: Mutex::default(),
            cluster: Mutex::default(),
            founding: tokio::sync::Mutex::default(),
            turning: Mutex::default(),
            plugins: OnceLock::new(),
        })
    }

    /// From now on these forget what they keep when this node is sealed, and are asked what is due.
    pub(crate) fn has_plugins(&self, catalog: &Catalog) {
        self.plugins.get_or_init(|| catalog.all().map(Arc::downgrade).collect());
    }

    pub(crate) fn plugin(&self, kind: PluginKind, type_name: &str) -> Option<Arc<dyn Plugin>> {
        let mut plugins = self.plugins.get().into_iter().flatten().filter_map(Weak::upgrade);
        plugins.find(|plugin| plugin.kind() == kind && plugin.types().contains(&type_name))
    }

    pub fn is_initialised(&self) -> bool {
        self.replication.initialised() || self.joining.lock().is_some()
    }

    pub fn is_sealed(&self) -> bool {
        self.barrier.is_sealed()
    }

    pub fn role(&self) -> Role {
        self.replication.role().borrow().clone()
    }

    /// A view of the root namespace's records as this node has them, without asking the leader.
    pub fn local_view(&self) -> Result<View, storage::Access> {
        let snapshot = self.store.snapshot()?;
        Ok(View::new(snapshot, space::records(&sdk::NamespaceId::root())))
    }

    /// Whether this node, as a standby, can answer reads itself.
    pub fn reads_as_standby(&self) -> bool {
        !self.is_sealed() && matches!(self.role(), Role::Standby { .. }) && self.replication.position().is_in_step()
    }

    pub fn cluster_info(&self) -> Option<ClusterInfo> {
        if self.is_sealed() { None } else { self.cluster.lock().clone() }
    }

    /// Gives leadership away if it has it, then forgets every key.
    pub async fn seal(&self, deadline: tokio::time::Instant) {
        // Before anything else: what is about to unseal it by itself is not to.
        self.sealings.fetch_add(1, Ordering::SeqCst);
        if matches!(self.role(), Role::Active { .. })
            && let Err(problem) = self.replication.step_down(deadline).await
        {
            tracing::warn!(%problem, "leadership could not be handed over before sealing");
        }
        self.forget_keys();
        self.forget_ceremonies().await;
    }

    /// Follows the state to other lines of history, also while nobody asks this node for anything.
    pub async fn keep_attuned(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut epoch = self.replication.epoch();
        loop {
            tokio::select! {
                changed = epoch.changed() => if changed.is_err() { return },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.attune();
            // What was begun with the keys of before cannot be ended with these.
            self.forget_ceremonies().await;
        }
    }

    /// Brings the keys in step with the state, now.
    pub fn attune(&self) {
        if let Err(problem) = self.store.snapshot() {
            tracing::debug!(%problem, "the keys do not fit the state");
        }
        let _turning = self.turning.lock();
        // Counted under keys that may be others now.
        *self.usage.lock() = usage::Usage::default();
        self.tenants.counted.forget_all();
        if self.is_sealed() {
            self.forget();
            return;
        }
        match self.local_view().and_then(|view| view.get(&init::cluster_key())) {
            Ok(info) => *self.cluster.lock() = info,
            Err(problem) => tracing::warn!(%problem, "what the cluster is called cannot be read"),
        }
        self.forget_decoded();
    }

    fn forget_keys(&self) {
        let _turning = self.turning.lock();
        self.barrier.seal();
        self.forget();
        tracing::info!("the node is sealed");
    }

    /// What else a sealed node has to forget; shares that were given belong to the wraps of before.
    fn forget(&self) {
        self.replication.set_sealed(true);
        *self.unsealing.lock() = unseal::Progress::default();
        self.audit.forget();
        self.tenants.forget();
        self.forget_decoded();
    }

    /// It is made of records that may be gone.
    fn forget_decoded(&self) {
        self.lockouts.forget();
        self.quotas.forget();
        self.denials.forget();
        self.forget_records(Forget::All);
    }

    /// Records in the clear, which are read again where they are needed.
    fn forget_records(&self, which: Forget<'_>) {
        self.tokens.forget(which);
        self.mounts.forget(which);
        self.namespaces.forget(which);
        self.policies.forget(which);
        match which {
            Forget::All => self.listings.clear(),
            Forget::Keyring(name) => self.listings.forget(|folder| barrier::keyring_of(folder) == Some(name)),
        }
        for plugin in self.plugins.get().into_iter().flatten().filter_map(Weak::upgrade) {
            plugin.forget(which);
        }
    }

    pub(crate) fn raw(&self, key: &storage::RawKey) -> Result<Option<Vec<u8>>, storage::StoreError> {
        let stored = self.replication.store().snapshot()?.get(key)?;
        Ok(stored.and_then(|s| match s.value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            Value::Counter(_) => None,
        }))
    }

    /// How the root key is wrapped, if the state is here.
    pub(crate) fn stored_seal(&self) -> Result<Option<(SealConfig, WrappedRoot)>, storage::StoreError> {
        let parse = |what: &str, e: serde_json::Error| storage::StoreError::Corrupt(format!("{what}: {e}"));
        let (Some(config), Some(wraps)) = (self.raw(&space::seal_config())?, self.raw(&space::seal_wraps())?) else {
            return Ok(None);
        };
        let config = serde_json::from_slice(&config).map_err(|e| parse("the seal configuration", e))?;
        let wraps = serde_json::from_slice(&wraps).map_err(|e| parse("the root key's wraps", e))?;
        Ok(Some((config, wraps)))
    }
}
