//! Namespaces that a key service opens: asked when one is made, by whoever unseals it, and by the active node by itself after all
//! nodes were down.
//!
//! Services may be away, slow or gone for good, each for itself. So each is asked within a deadline, a few at once, and again
//! after a pause that grows; nobody waits for another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use barrier::{Seal, TenantKeys};
use sdk::{Namespace, NamespaceId};
use storage::Millis;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::Node;
use super::seals::{CALL_MAX, probe, with_chance};
use super::tenants::TenantStatus;
use crate::letters;
use crate::namespace::{KeyService, NamespaceRecord, NewTenant, Place, Refused, TenantService};
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
struct Keepers(BTreeMap<NamespaceId, AbortHandle>);

impl Drop for Keepers {
    fn drop(&mut self) {
        self.0.values().for_each(AbortHandle::abort);
    }
}

impl Node {
    fn key_service(&self, above: &Namespace, service: &KeyService) -> Result<Arc<dyn Seal>, String> {
        self.key_services.seal(above.is_root(), service)
    }

    /// Keys for a namespace that is to be made in another one, wrapped by a service.
    pub async fn new_tenant(&self, above: &Namespace, service: KeyService, now: Millis) -> Result<NewTenant, Refused> {
        let seal =
            self.key_service(above, &service).map_err(|why| Refused::Invalid(format!("invalid seal config: {why}")))?;
        let id = NamespaceId::new(&letters::random(8), &above.id, true)
            .ok_or_else(|| storage::Access::Broken("a new namespace has no id".into()))?;
        let keys = TenantKeys::generate(now);
        let unusable =
            |why: &str| Refused::Invalid(format!("the key service does not wrap the namespace's root key: {why}"));
        let wrap = timeout(CALL_MAX, keys.wrapped_by(id.keyring(), seal.as_ref())).await;
        let wrap = wrap.map_err(|_| unusable("it did not answer in time"))?.map_err(|e| unusable(&e.to_string()))?;
        Ok(NewTenant { above: above.id.clone(), id, keys, service: TenantService { service, wrap } })
    }

    /// Opens a namespace, by its service, for all nodes.
    pub async fn unseal_by_service(&self, above: &Namespace, name: &str) -> Result<TenantStatus, Refused> {
        let (view, record) = self.tenant_named(above, name)?;
        let status = self.tenant_status(&view, &record)?;
        if !status.sealed {
            return Ok(status);
        }
        let keys = self.ask_service(above, &record).await.map_err(Refused::Invalid)?;
        self.open_for_all(above, record, keys).await?;
        let (view, record) = self.tenant_named(above, name)?;
        self.tenant_status(&view, &record)
    }

    /// Whether the service of a namespace does its work now.
    pub async fn try_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<(), String> {
        let service = self.stored_service(above, record)?;
        let seal = self.key_service(above, &service.service)?;
        let tried =
            timeout(PROBE_MAX, probe(seal.as_ref())).await.map_err(|_| "it did not answer in time".to_owned())?;
        tried.map_err(|problem| problem.to_string())
    }

    fn stored_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<TenantService, String> {
        let view = self.local_view().map_err(|e| e.to_string())?.elsewhere(space::records(&above.id));
        let service = self.namespaces.service_of(&view, record).map_err(|e| e.to_string())?;
        service.ok_or_else(|| "the namespace has no key service: give its shares".to_owned())
    }

    async fn ask_service(&self, above: &Namespace, record: &NamespaceRecord) -> Result<TenantKeys, String> {
        let service = self.stored_service(above, record)?;
        let seal = self.key_service(above, &service.service)?;
        let keyring = {
            let view = self.local_view().map_err(|e| e.to_string())?.elsewhere(space::records(&above.id));
            self.namespaces.seal_of(&view, record).map_err(|e| e.to_string())?.keyring
        };
        let asked = TenantKeys::open_by(record.id.keyring(), seal.as_ref(), &service.wrap, &keyring);
        let opened = timeout(CALL_MAX, asked).await.map_err(|_| "its key service did not answer in time".to_owned())?;
        opened.map_err(|problem| format!("its key service does not open it: {problem}"))
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
        keepers.0.retain(|id, keeper| {
            let stays = all.contains(id) && !keeper.is_finished();
            if !stays {
                keeper.abort();
            }
            stays
        });
        for id in all {
            // What lies in a sealed one waits for that.
            let place = match self.namespaces.by_id(&view, &id, &mut Vec::new()) {
                Ok(place) => place.filter(|place| place.namespace.id == id),
                // The others do not wait for it.
                Err(problem) => {
                    tracing::warn!(namespace = id.as_str(), %problem, "a namespace with a key service could not be read");
                    None
                }
            };
            let Some(place) = place else { continue };
            if !keepers.0.contains_key(&id) {
                self.keep(&place, keepers);
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
                    namespace = id.as_str(),
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
        let keys = self.ask_service(&above, record).await?;
        let keyring = record.id.keyring();
        let opening = self.barrier.open_tenant(keyring, keys).map_err(|e| e.to_string())?;
        // Sealed meanwhile, it may have been seen as such before the keys were here.
        let view = self.local_view().map_err(|e| e.to_string())?;
        let now = self.namespaces.by_id(&view, &record.id, &mut Vec::new()).map_err(|e| e.to_string());
        if !matches!(&now, Ok(Some(now)) if now.namespace.id == record.id && !now.is_sealed()) {
            self.barrier.close_tenant(keyring, opening);
            return now.map(|_| ());
        }
        self.tenants.fetches.came(&record.id);
        tracing::info!(namespace = place.namespace.path, "a namespace was opened by its key service");
        Ok(())
    }

    fn keep(&self, place: &Place, keepers: &mut Keepers) {
        let (Some(record), Some(above)) = (place.record(), place.above_namespace()) else { return };
        let Ok(service) = self.stored_service(&above, record) else { return };
        if !service.service.is_own() {
            return;
        }
        let Ok(seal) = self.key_service(&above, &service.service) else { return };
        let span = tracing::warn_span!("namespace", path = place.namespace.path);
        let keeper = tokio::spawn(async move { seal.keep().await }.instrument(span));
        keepers.0.insert(record.id.clone(), keeper.abort_handle());
    }
}
