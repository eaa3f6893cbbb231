//! Namespaces that a key service opens: asked when one is made, by whoever unseals it, and by the active node by itself after all
//! nodes were down.
//!
//! Services may be away, slow or gone for good, each for itself. So each is asked within a deadline, a few at once, and again
//! after a pause that grows; nobody waits for another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use barrier::{Seal, SealFailure, Share, TenantKeys, UnwrapError};
use sdk::{Namespace, NamespaceId};
use storage::{Millis, Revision};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::Node;
use super::seals::{CALL_MAX, probe, with_chance};
use super::tenants::TenantStatus;
use crate::letters;
use crate::namespace::{KeyService, NamespaceRecord, NewService, NewTenant, Place, Refused, TenantService};
use crate::replication::Role;
use crate::space;

/// Between two looks at what is to be opened.
const LOOK: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);
/// Services that are asked at once by the active node itself.
const OPENING_MAX: usize = 8;
/// How long one may take to say whether it answers.
const PROBE_MAX: Duration = Duration::from_secs(4);

const LATE: &str = "it did not answer in time";
const NO_SERVICE: &str = "the namespace has no key service: give its shares";
const DOES_NOT_OPEN: &str = "its key service does not open it";

/// Why a service has not done its work.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// It will not, until somebody has changed something.
    #[error("{0}")]
    Refused(String),
    /// It may later.
    #[error("{0}")]
    Away(String),
}

impl Trouble {
    fn refused(self, what: &str) -> Refused {
        match self {
            Self::Refused(why) => Refused::Invalid(format!("{what}: {why}")),
            Self::Away(why) => Refused::Unavailable(format!("{what}: {why}")),
        }
    }
}

impl From<UnwrapError> for Trouble {
    fn from(problem: UnwrapError) -> Self {
        match problem {
            UnwrapError::Unavailable(_) => Self::Away(problem.to_string()),
            _ => Self::Refused(problem.to_string()),
        }
    }
}

impl From<SealFailure> for Trouble {
    fn from(problem: SealFailure) -> Self {
        UnwrapError::from(problem).into()
    }
}

impl From<storage::Access> for Trouble {
    fn from(problem: storage::Access) -> Self {
        Self::Away(problem.to_string())
    }
}

fn invalid(why: String) -> Refused {
    Refused::Invalid(format!("invalid seal config: {why}"))
}

/// What the active node does by itself for one namespace.
struct Attempt {
    again: Instant,
    pause: Duration,
    problem: String,
}

#[derive(Default)]
struct Attempts {
    failed: BTreeMap<NamespaceId, Attempt>,
    under_way: BTreeSet<NamespaceId>,
    tasks: JoinSet<(NamespaceId, Result<(), String>)>,
}

/// What the seals of namespaces do by themselves, as renewing their tokens.
#[derive(Default)]
struct Keepers(BTreeMap<NamespaceId, Keeper>);

struct Keeper {
    /// Of the service's record: written anew, it is another one.
    of: Option<Revision>,
    /// None where there is nothing to do.
    task: Option<AbortHandle>,
}

impl Keeper {
    fn is_of(&self, revision: Option<Revision>) -> bool {
        self.of == revision && self.task.as_ref().is_none_or(|task| !task.is_finished())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Node {
    fn key_service(&self, above: &Namespace, service: &KeyService) -> Result<Arc<dyn Seal>, String> {
        self.key_services.seal(above.is_root(), service)
    }

    /// Keys for a namespace that is to be made in another one, wrapped by a service.
    pub async fn new_tenant(
        &self,
        above: &Namespace,
        name: &str,
        service: KeyService,
        now: Millis,
    ) -> Result<NewTenant, Refused> {
        let seal = self.key_service(above, &service).map_err(invalid)?;
        let id = NamespaceId::new(&letters::random(8), &above.id, true)
            .ok_or_else(|| storage::Access::Broken("a new namespace has no id".into()))?;
        let keys = TenantKeys::generate(now);
        let wrapped = async { Ok(keys.wrapped_by(id.keyring(), seal.as_ref()).await?) };
        let wrap = self.called(above, name, wrapped).await;
        let wrap = wrap.map_err(|trouble| trouble.refused("the key service does not wrap the namespace's root key"))?;
        Ok(NewTenant { above: above.id.clone(), id, keys, service: TenantService { service, wrap } })
    }

    /// Opens a namespace, by its service, for all nodes.
    pub async fn unseal_by_service(self: &Arc<Self>, above: &Namespace, name: &str) -> Result<TenantStatus, Refused> {
        let (view, record) = self.tenant_named(above, name)?;
        let status = self.tenant_status(&view, &record)?;
        if !status.sealed {
            return Ok(status);
        }
        let keys = self.ask_service(above, &record).await.map_err(|trouble| trouble.refused(DOES_NOT_OPEN))?;
        self.open_for_all(above, record, keys).await
    }

    /// Whether the service of a namespace does its work now, or did so a moment ago.
    pub async fn try_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<(), String> {
        let tried = async {
            let service = self.stored_service(above, record).map_err(|trouble| trouble.to_string())?;
            let seal = self.key_service(above, &service.service)?;
            let room = self.tenants.calls.room(above, &record.name);
            let tried = timeout(PROBE_MAX, async {
                let _room = room.await?;
                probe(seal.as_ref()).await.map_err(|problem| problem.to_string())
            });
            tried.await.map_err(|_| LATE.to_owned())?
        };
        self.tenants.calls.tried(&record.id, tried).await
    }

    /// Another way to the key that a namespace's root key is wrapped with, as a new token: by enough of its shares, and only if what
    /// is stored opens that way.
    pub async fn new_service(
        &self,
        above: &Namespace,
        record: &NamespaceRecord,
        shares: &[Share],
        service: KeyService,
    ) -> Result<NewService, Refused> {
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let tenant_seal = self.namespaces.seal_of(&view, record)?;
        let by_shares = tenant_seal.opened_by(&record.id, shares)?;
        let stored = self.namespaces.service_of(&view, record)?;
        let stored = stored.ok_or_else(|| Refused::Invalid(NO_SERVICE.into()))?;
        let seal = self.key_service(above, &service).map_err(invalid)?;
        let asked = TenantKeys::open_by(record.id.keyring(), seal.as_ref(), &stored.wrap, &tenant_seal.keyring);
        let opened = self.called(above, &record.name, async { Ok(asked.await?) }).await;
        let opened =
            opened.map_err(|trouble| trouble.refused("the key service does not open the namespace's root key"))?;
        if !opened.is_of(&by_shares) {
            return Err(Refused::Invalid("the key service opens another root key than the namespace's".into()));
        }
        Ok(NewService { before: stored.wrap.clone(), service: TenantService { service, wrap: stored.wrap } })
    }

    /// The service of a namespace was replaced.
    pub fn service_is_new(&self, id: &NamespaceId) {
        self.tenants.calls.forget(id);
    }

    fn stored_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<TenantService, Trouble> {
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let service = self.namespaces.service_of(&view, record)?;
        service.ok_or_else(|| Trouble::Refused(NO_SERVICE.to_owned()))
    }

    async fn ask_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<TenantKeys, Trouble> {
        let service = self.stored_service(above, record)?;
        let seal = self.key_service(above, &service.service).map_err(Trouble::Refused)?;
        let view = self.local_view()?.elsewhere(space::records(&above.id));
        let keyring = self.namespaces.seal_of(&view, record).map_err(|e| Trouble::Away(e.to_string()))?.keyring;
        drop(view);
        let asked = TenantKeys::open_by(record.id.keyring(), seal.as_ref(), &service.wrap, &keyring);
        self.called(above, &record.name, async { Ok(asked.await?) }).await
    }

    /// One call on behalf of a namespace, within its time.
    async fn called<T>(
        &self,
        above: &Namespace,
        name: &str,
        call: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let within = timeout(CALL_MAX, async {
            let _room = self.tenants.calls.room(above, name).await.map_err(Trouble::Away)?;
            call.await
        });
        within.await.unwrap_or_else(|_| Err(Trouble::Away(LATE.to_owned())))
    }

    /// Opens what is open by its record and nobody has keys for, and lets the seals of namespaces do what they do by
    /// themselves, on the active node, until `stop` becomes true.
    pub async fn keep_services(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let (mut attempts, mut keepers) = (Attempts::default(), Keepers::default());
        loop {
            if matches!(self.role(), Role::Active { .. }) && self.writes() {
                self.note_ended(&mut attempts);
                if let Err(problem) = self.look_after_services(&mut attempts, &mut keepers) {
                    tracing::debug!(%problem, "which namespaces have a key service could not be read");
                }
            } else {
                (attempts, keepers) = (Attempts::default(), Keepers::default());
            }
            if timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    fn look_after_services(
        self: &Arc<Self>,
        attempts: &mut Attempts,
        keepers: &mut Keepers,
    ) -> Result<(), storage::Access> {
        let view = self.local_view()?;
        let all = self.namespaces.serviced(&view)?;
        attempts.failed.retain(|id, _| all.contains(id));
        keepers.0.retain(|id, _| all.contains(id));
        for id in all {
            // What lies in a sealed one waits for that.
            let place = match self.namespaces.by_id(&view, &id, &mut Vec::new()) {
                Ok(place) => place.filter(|place| place.namespace.id == id),
                // The others do not wait for it.
                Err(problem) => {
                    let namespace = self.path_of(&id);
                    tracing::warn!(namespace, %problem, "a namespace with a key service could not be read");
                    None
                }
            };
            let Some(place) = place else {
                // What it is asked with is nobody's to use meanwhile.
                keepers.0.remove(&id);
                continue;
            };
            let at = place.above().map(|above| self.namespaces.service_at(&view, &above, &id)).transpose()?.flatten();
            if !keepers.0.get(&id).is_some_and(|keeper| keeper.is_of(at)) {
                let keeper = Keeper { of: at, task: self.keep(&place) };
                keepers.0.insert(id.clone(), keeper);
                // With another one it is not waited for what the one before has earned.
                attempts.failed.remove(&id);
            }
            let due = attempts.failed.get(&id).is_none_or(|attempt| attempt.again <= Instant::now());
            // Members that have its keys are asked first.
            let wanted = place.lacks_keys() && self.tenants.nobody_has(&id);
            if wanted && due && attempts.under_way.len() < OPENING_MAX && attempts.under_way.insert(id.clone()) {
                let node = Arc::clone(self);
                attempts.tasks.spawn(async move { (id.clone(), node.open_by_itself(&place).await) });
            }
        }
        Ok(())
    }

    fn note_ended(&self, attempts: &mut Attempts) {
        while let Some(ended) = attempts.tasks.try_join_next() {
            let Ok((id, came)) = ended else {
                // A task that panicked does not say whose it was: all may be tried again.
                attempts.under_way.clear();
                continue;
            };
            attempts.under_way.remove(&id);
            let Err(problem) = came else {
                attempts.failed.remove(&id);
                continue;
            };
            let before = attempts.failed.get(&id);
            // What has been said is not said again.
            if before.is_none_or(|before| before.problem != problem) {
                tracing::warn!(
                    namespace = self.path_of(&id),
                    problem,
                    "a namespace is not opened by its key service; it is tried again"
                );
            }
            let pause = before.map_or(RETRY_FIRST, |before| (before.pause * 2).min(RETRY_LAST));
            attempts.failed.insert(id, Attempt { again: Instant::now() + with_chance(pause), pause, problem });
        }
    }

    async fn open_by_itself(&self, place: &Place) -> Result<(), String> {
        let (Some(record), Some(above)) = (place.record(), place.above_namespace()) else { return Ok(()) };
        let keys = self.ask_service(&above, record).await.map_err(|trouble| format!("{DOES_NOT_OPEN}: {trouble}"))?;
        let opening = self.hold_tenant(&record.id, keys).map_err(|e| e.to_string())?;
        // Sealed meanwhile, it may have been seen as such before the keys were here.
        let view = self.local_view().map_err(|e| e.to_string())?;
        let now = self.namespaces.by_id(&view, &record.id, &mut Vec::new()).map_err(|e| e.to_string());
        if !matches!(&now, Ok(Some(now)) if now.namespace.id == record.id && !now.is_sealed()) {
            self.let_go(record.id.keyring(), opening);
            return now.map(|_| ());
        }
        self.tenants.fetches.came(&record.id);
        tracing::info!(namespace = place.namespace.path, "a namespace was opened by its key service");
        Ok(())
    }

    /// What its seal does by itself, if that is nobody else's to do.
    fn keep(&self, place: &Place) -> Option<AbortHandle> {
        let (record, above) = (place.record()?, place.above_namespace()?);
        let service = self.stored_service(&above, record).ok()?;
        if !service.service.is_own() {
            return None;
        }
        let seal = self.key_service(&above, &service.service).ok()?;
        let span = tracing::warn_span!("namespace", path = place.namespace.path);
        Some(tokio::spawn(async move { seal.keep().await }.instrument(span)).abort_handle())
    }
}
