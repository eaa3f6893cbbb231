//! Audit: an entry is built once, its secrets hashed, and handed to the devices.
//!
//! If no enabled device acknowledges having written a request's entry, nothing of the request happens. What devices
//! there are, what they are told and whose word it takes is in `docs/AUDIT.md`.

mod api_rules;
mod broker;
mod change;
mod device;
mod entry;
mod filter;
mod hash;
mod headers;
mod line;
mod open;
mod options;
mod sink;
mod table;
#[cfg(test)]
mod tests;

pub use api_rules::ApiRules;
pub use change::AuditRefused;
pub use device::{Device, Sink, Written};
pub use entry::{Decided, Entry, Phase, Subject, Who};
pub use hash::Hashed;
pub use headers::AuditedHeaders;
pub use line::Style;
pub use options::{Delivery, HttpTarget, KINDS, OptionError, Plan, Rules, SocketKind, Target};
pub use sink::http::Post;
pub use table::{AuditTable, DeviceRecord};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Instant;

use arc_swap::ArcSwap;
use barrier::Barrier;
use parking_lot::Mutex;
use storage::{Access, Millis, OpenSnapshot, Revision, View};

use crate::request::Request;
use crate::space;
use open::{Forbidden, Opener};

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Which devices, and why.
    #[error("no audit device has written the entry: {0}")]
    Devices(String),
    /// Sealed meanwhile: there is no key to hash with.
    #[error("the server is sealed")]
    Sealed,
}

/// What the configuration says about audit.
#[derive(Default)]
pub struct Setup {
    pub devices: Vec<Configured>,
    pub api: ApiRules,
    pub http: Option<Arc<dyn Post>>,
}

/// A device of the configuration.
pub struct Configured {
    /// Without the slash at its end.
    pub path: String,
    pub record: DeviceRecord,
    pub plan: Plan,
}

/// The devices at one revision of the table.
struct Devices {
    /// The table's own.
    table: Option<Revision>,
    records: BTreeMap<String, DeviceRecord>,
    headers: Arc<AuditedHeaders>,
    /// The configuration's first.
    list: Vec<Arc<Device>>,
}

pub struct Audit {
    barrier: Arc<Barrier>,
    configured: OnceLock<Arc<Fixed>>,
    current: ArcSwap<Devices>,
    /// The state's revision up to which the table is known not to have changed.
    seen: Mutex<Revision>,
    /// Held while devices come and go.
    turning: Mutex<()>,
}

/// What does not change while the process runs.
struct Fixed {
    records: BTreeMap<String, DeviceRecord>,
    list: Vec<Arc<Device>>,
    api: ApiRules,
    opener: Opener,
}

impl Audit {
    pub fn new(barrier: Arc<Barrier>) -> Self {
        Self {
            barrier,
            configured: OnceLock::new(),
            current: ArcSwap::from_pointee(Devices::none()),
            seen: Mutex::default(),
            turning: Mutex::new(()),
        }
    }

    /// Once, before anything is served: the configuration's devices begin to work.
    pub fn configure(&self, setup: Setup) -> Result<(), OptionError> {
        let opener = Opener { http: setup.http };
        let mut list = Vec::new();
        let mut records = BTreeMap::new();
        options::covers(&setup.devices.iter().map(|device| device.plan.rules.clone()).collect::<Vec<_>>())?;
        for device in setup.devices {
            let name = format!("{}/", device.path);
            let at = |problem: String| OptionError(format!("the audit device {name} of the configuration: {problem}"));
            if let Err(problem) = opener.check(&device.plan, None) {
                // Whoever is to read a pipe or a socket may come later; a file that cannot be is a mistake.
                if matches!(device.plan.target, options::Target::File { .. }) && !problem.contains("nobody reads") {
                    return Err(at(problem));
                }
                tracing::warn!(device = name, problem, "an audit device does not work yet");
            }
            let sink = opener.sink(&device.plan, None).map_err(|error| at(error.0))?;
            let started = Device::start(&name, &device.record.kind, device.plan.rules, sink);
            list.push(Arc::new(started.map_err(|error| at(error.to_string()))?));
            records.insert(name, device.record);
        }
        self.begin(Fixed { records, list, api: setup.api, opener });
        Ok(())
    }

    /// With devices that are already at work.
    pub fn use_devices(&self, list: Vec<Arc<Device>>) {
        let opener = Opener { http: None };
        self.begin(Fixed { records: BTreeMap::new(), list, api: ApiRules::default(), opener });
    }

    fn begin(&self, fixed: Fixed) {
        let fixed = self.configured.get_or_init(|| Arc::new(fixed));
        self.current.store(Arc::new(Devices { list: fixed.list.clone(), ..Devices::none() }));
    }

    fn fixed(&self) -> Arc<Fixed> {
        self.configured.get_or_init(Arc::default).clone()
    }

    /// Makes sure that the devices are those of the snapshot's table, or a later one's.
    pub fn refresh(&self, snapshot: &OpenSnapshot) -> Result<(), Access> {
        let state = snapshot.state_revision();
        if state.is_known_to(*self.seen.lock()) {
            return Ok(());
        }
        let view = View::new(snapshot.clone(), space::records(&sdk::NamespaceId::root()));
        let table = view.revision(&table::key())?;
        // Held until the revision is noted: an older snapshot's table must not come after it, nor a seal between.
        let _turning = self.turning.lock();
        if state.is_known_to(*self.seen.lock()) {
            return Ok(());
        }
        let current = self.current.load_full();
        if current.table != table {
            self.current.store(Arc::new(self.devices_of(&AuditTable::read(&view)?, table, &current)?));
        }
        *self.seen.lock() = state;
        Ok(())
    }

    fn devices_of(&self, table: &AuditTable, revision: Option<Revision>, before: &Devices) -> Result<Devices, Access> {
        let fixed = self.fixed();
        let mut list = fixed.list.clone();
        for (name, record) in &table.devices {
            let known = before.list.iter().find(|device| device.name == *name);
            if let Some(device) = known.filter(|_| before.records.get(name) == Some(record)) {
                list.push(Arc::clone(device));
                continue;
            }
            match self.start(&fixed, name, record) {
                Ok(device) => {
                    tracing::info!(device = name, kind = record.kind, "an audit device is enabled");
                    list.push(Arc::new(device));
                }
                // Left out, it would be missing without anybody noticing.
                Err(problem) => {
                    tracing::error!(device = name, %problem, "an audit device could not be started");
                    return Err(Access::Broken(format!("the audit device {name} could not be started: {problem}")));
                }
            }
        }
        for gone in before.records.keys().filter(|name| !table.devices.contains_key(*name)) {
            tracing::info!(device = gone, "an audit device is disabled");
        }
        let headers = Arc::new(AuditedHeaders(table.headers.clone()));
        Ok(Devices { table: revision, records: table.devices.clone(), headers, list })
    }

    fn start(&self, fixed: &Fixed, name: &str, record: &DeviceRecord) -> std::io::Result<Device> {
        match Plan::parse(&record.kind, &record.options) {
            Ok(plan) => fixed.opener.start(name, &record.kind, &plan, &fixed.api),
            // Of a later version.
            Err(error) => Device::start(name, &record.kind, Rules::default(), Box::new(Forbidden(error.0))),
        }
    }

    /// When the node is sealed: what the store has said is forgotten.
    pub fn forget(&self) {
        let _turning = self.turning.lock();
        *self.seen.lock() = Revision::default();
        self.current.store(Arc::new(Devices { list: self.fixed().list.clone(), ..Devices::none() }));
    }

    pub fn headers(&self) -> Arc<AuditedHeaders> {
        Arc::clone(&self.current.load().headers)
    }

    /// Lets every device open its file anew.
    pub fn reopen(&self) {
        self.current.load().list.iter().for_each(|device| device.reopen());
    }

    /// The devices that do not work here, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let current = self.current.load();
        let problem = |device: &Arc<Device>| Some((device.name.clone(), device.problem()?));
        current.list.iter().filter_map(problem).collect()
    }

    /// Why no request can be audited here, as far as devices without a filter decide.
    pub fn blocked(&self) -> Option<String> {
        broker::blocked(&self.current.load().list)
    }

    pub fn hash(&self, value: &str) -> Result<String, AuditError> {
        let hashed = Hashed::of(&self.barrier, value.as_bytes()).map_err(|_| AuditError::Sealed)?;
        Ok(hashed.as_str().to_owned())
    }

    pub async fn request(&self, now: Millis, subject: &Subject<'_>) -> Result<(), AuditError> {
        self.write(Phase::Request, now, subject, None).await
    }

    pub async fn forward(&self, now: Millis, subject: &Subject<'_>) -> Result<(), AuditError> {
        self.write(Phase::Forward, now, subject, None).await
    }

    /// What the server did or found by itself. The facts are shown as they are: no secret may be among them.
    pub async fn event(&self, now: Millis, event: &str, facts: sdk::Map<String, sdk::Value>) -> Result<(), AuditError> {
        let request = Request::event(event, facts);
        self.write(Phase::Event, now, &Subject::new(&request, "event", None, None), None).await
    }

    pub async fn response(
        &self,
        now: Millis,
        subject: &Subject<'_>,
        outcome: Result<&sdk::Answer, &sdk::Failure>,
    ) -> Result<(), AuditError> {
        self.write(Phase::Response, now, subject, Some(outcome)).await
    }

    async fn write(
        &self,
        phase: Phase,
        at: Millis,
        subject: &Subject<'_>,
        outcome: Option<Result<&sdk::Answer, &sdk::Failure>>,
    ) -> Result<(), AuditError> {
        let (current, began) = (self.current.load_full(), Instant::now());
        // Looked at behind the devices: those that the store named are forgotten when it is sealed.
        if self.barrier.is_sealed() {
            return Err(AuditError::Sealed);
        }
        let entry = Entry { phase, at, subject, outcome, headers: &current.headers };
        let result = broker::deliver(&current.list, &entry, &self.barrier).await;
        let (time, failures) = match phase {
            Phase::Response => ("vault.audit.log_response", "vault.audit.log_response_failure"),
            Phase::Request | Phase::Forward | Phase::Event => {
                ("vault.audit.log_request", "vault.audit.log_request_failure")
            }
        };
        match &result {
            Ok(()) => metrics::histogram!(time).record(began.elapsed().as_secs_f64() * 1000.0),
            Err(_) => metrics::counter!(failures).increment(1),
        }
        result
    }
}

impl Devices {
    fn none() -> Self {
        Self { table: None, records: BTreeMap::new(), headers: Arc::default(), list: Vec::new() }
    }
}

impl Default for Fixed {
    fn default() -> Self {
        Self { records: BTreeMap::new(), list: Vec::new(), api: ApiRules::default(), opener: Opener { http: None } }
    }
}
