//! Devices and headers by API: what is refused, and what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::{Access, CommitError, Latches, OpenStore, RequestId, Term, Txn, TxnState};
use tokio::time::{Instant, timeout_at};

use super::options::{OptionError, Plan};
use super::table::{AuditTable, DEVICES_MAX, DeviceRecord, HEADERS_MAX};
use super::{Audit, Fixed};
use crate::lifecycle::Node;
use crate::replication::Role;
use crate::space;

/// How often a change is tried again because another one came in between.
const RUNS_MAX: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum AuditRefused {
    /// The caller's fault.
    #[error("{0}")]
    Refused(String),
    /// Nothing was written, or nobody knows.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Access(#[from] Access),
}

impl From<OptionError> for AuditRefused {
    fn from(error: OptionError) -> Self {
        Self::Refused(error.0)
    }
}

fn refused<T>(text: impl Into<String>) -> Result<T, AuditRefused> {
    Err(AuditRefused::Refused(text.into()))
}

/// A device's path, with one slash at its end.
pub fn canonical(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

impl Audit {
    /// All devices: the configuration's, and those in the table.
    pub fn devices(&self, table: &AuditTable) -> BTreeMap<String, DeviceRecord> {
        let mut all = table.devices.clone();
        all.extend(self.fixed().records.clone());
        all
    }

    /// Makes a device: checks that it may be and that it can be opened here, then commits its record. Every node opens
    /// it when it learns of it.
    pub async fn enable(
        &self,
        node: &Node,
        path: &str,
        record: DeviceRecord,
        deadline: Instant,
    ) -> Result<(), AuditRefused> {
        let fixed = self.fixed();
        fixed.api.check_enabled()?;
        let path = canonical(path);
        let plan = Plan::parse(&record.kind, &record.options);
        {
            let view = node.local_view()?;
            fixed.fits(&AuditTable::read(&view)?, &path)?;
        }
        let plan = plan?;
        let place = fixed.api.place(&plan)?;
        let (opener, checked) = (fixed.opener.clone(), plan.clone());
        let checking = tokio::task::spawn_blocking(move || opener.check(&checked, place));
        match timeout_at(deadline, checking).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(problem))) => return refused(format!("the device cannot be opened: {problem}")),
            Ok(Err(_)) | Err(_) => return refused("the device cannot be opened: it does not answer"),
        }
        change(node, |txn| {
            let mut table = AuditTable::change(txn)?;
            fixed.fits(&table, &path)?;
            table.devices.insert(path.clone(), record.clone());
            fixed.covers(&table)?;
            Ok(table.write(txn)?)
        })
        .await?;
        // The entry of the answer goes there already.
        let snapshot = node.store.snapshot().map_err(Access::from)?;
        Ok(self.refresh(&snapshot)?)
    }

    /// Takes a device away. Nothing to take away is no mistake.
    pub fn disable(&self, txn: &mut Txn, path: &str) -> Result<(), AuditRefused> {
        let (fixed, path) = (self.fixed(), canonical(path));
        if fixed.records.contains_key(&path) {
            return refused(format!("the audit device {path} is in the server's configuration: take it out there"));
        }
        let mut table = AuditTable::change(txn)?;
        if table.devices.remove(&path).is_some() {
            fixed.covers(&table)?;
            table.write(txn)?;
        }
        Ok(())
    }

    /// From now on entries show the header.
    pub fn show_header(&self, txn: &mut Txn, name: &str, hmac: bool) -> Result<(), AuditRefused> {
        let name = name.to_ascii_lowercase();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
            return refused(format!("{name:?} is no header's name"));
        }
        let mut table = AuditTable::change(txn)?;
        if table.headers.len() >= HEADERS_MAX && !table.headers.contains_key(&name) {
            return refused(format!("entries show at most {HEADERS_MAX} headers"));
        }
        table.headers.insert(name, hmac);
        Ok(table.write(txn)?)
    }

    pub fn hide_header(&self, txn: &mut Txn, name: &str) -> Result<(), AuditRefused> {
        let mut table = AuditTable::change(txn)?;
        if table.headers.remove(&name.to_ascii_lowercase()).is_some() {
            table.write(txn)?;
        }
        Ok(())
    }
}

impl Fixed {
    /// Whether a device can have this path.
    fn fits(&self, table: &AuditTable, path: &str) -> Result<(), AuditRefused> {
        if path.len() < 2 || path.contains("//") || path.starts_with('/') {
            return refused("the device needs a path of its own");
        }
        let taken = |known: &String| known.starts_with(path) || path.starts_with(known.as_str());
        if table.devices.keys().chain(self.records.keys()).any(taken) {
            return refused("path already in use");
        }
        if table.devices.len() >= DEVICES_MAX {
            return refused(format!("there are at most {DEVICES_MAX} audit devices"));
        }
        Ok(())
    }

    /// Every entry must have a device that takes it, and one fallback is enough.
    fn covers(&self, table: &AuditTable) -> Result<(), AuditRefused> {
        let of_table = table.devices.values().filter_map(|record| Plan::parse(&record.kind, &record.options).ok());
        let mut rules: Vec<_> = of_table.map(|plan| plan.rules).collect();
        rules.extend(self.list.iter().map(|device| device.rules.clone()));
        super::options::covers(&rules).map_err(AuditRefused::from)
    }
}

/// Commits a change to the root namespace's records.
async fn change(node: &Node, mut write: impl FnMut(&mut Txn) -> Result<(), AuditRefused>) -> Result<(), AuditRefused> {
    let unavailable = |text: String| Err(AuditRefused::Unavailable(text));
    for _ in 0..RUNS_MAX {
        let Role::Active { term } = node.role() else {
            return unavailable("this node is not active any more; nothing was written".into());
        };
        match attempt(node, &node.store, term, &mut write).await? {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(problem) => return unavailable(problem.to_string()),
        }
    }
    unavailable("other requests keep changing the audit devices; nothing was written".into())
}

async fn attempt(
    node: &Node,
    store: &OpenStore,
    term: Term,
    write: &mut impl FnMut(&mut Txn) -> Result<(), AuditRefused>,
) -> Result<Result<(), CommitError>, AuditRefused> {
    let snapshot = store.snapshot().map_err(Access::from)?;
    let mut state = TxnState::new(snapshot, Arc::clone(&Latches::new()).begin());
    write(&mut state.at(space::records(&sdk::NamespaceId::root())))?;
    let (open, _latches) = state.finish();
    let id = RequestId { applied: store.applied(), random: crypto::random() };
    let batch = store.seal(id, node.replication.now(), open).map_err(Access::from)?;
    Ok(store.commit(term, batch).await.map(|_| ()))
}
