mod api;
mod delivery;
mod entry;
mod sinks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use barrier::{Barrier, JoinKey, Keyring, RootKey};
use bytes::Bytes;
use sdk::{Map, Value, Verb};
use storage::{Millis, RequestId};

use super::device::{Device, Sink, Written};
use super::options::{Delivery, Rules};
use super::{Audit, AuditError, Subject, Who};
use crate::mount::{Mount, Table};
use crate::request::Request;
use crate::token::{ClientToken, TokenKind, TokenRecord};

const TOKEN: &str = "s.abcdefghijklmnopqrstuvwx";
const ACCESSOR: &str = "accessor-of-the-token";
const NOW: Millis = Millis(1_700_000_000_123);

fn barrier() -> Arc<Barrier> {
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(Millis(0), JoinKey::random()), RootKey::random());
    Arc::new(barrier)
}

fn request(body: Value) -> Request {
    let Value::Object(body) = body else { panic!("a body is an object") };
    Request {
        namespace: String::new(),
        id: RequestId { applied: 42, random: [7; 16] },
        verb: Verb::Write,
        path: "secret/data/app".into(),
        token: Some(ClientToken::new(TOKEN.into())),
        body,
        remote: Some(([10, 1, 2, 3], 45678).into()),
        certificates: Vec::new(),
        content_type: String::new(),
        wrap_ttl: None,
        mfa: Default::default(),
        consistency: Default::default(),
        audit_headers: Vec::new(),
        help: false,
        head: false,
        upload: None,
        trace: None,
        authorization: Default::default(),
        doors: Vec::new(),
    }
}

fn who() -> Who {
    let token = TokenRecord {
        home: sdk::Namespace::root(),
        role: None,
        purpose: None,
        kind: TokenKind::Service,
        accessor: ACCESSOR.into(),
        policies: vec!["app".into(), "default".into()],
        path: "auth/token/create".into(),
        display_name: "token-app".into(),
        meta: Some([("team".to_owned(), "blue".to_owned())].into()),
        created: Millis(1_699_000_000_456),
        creation_ttl: 3600,
        explicit_max_ttl: 0,
        period: 0,
        renewable: true,
        num_uses: 5,
        parent: None,
        logged_in: None,
        entity_id: String::new(),
        expires: None,
        last_renewal: None,
        lease: None,
        bound_cidrs: Vec::new(),
        origin: None,
        counted_by: None,
        initial_root: false,
    };
    let decided = super::Decided { allowed: true, granted_by: vec!["app".into()] };
    Who { token: Arc::new(token), rights: Arc::default(), uses_left: Some(3), decided: Some(decided) }
}

fn mount() -> Mount {
    Mount::new(Table::Secret, "secret/", "kv", "")
}

/// Lines in memory, with ways to break.
#[derive(Default)]
struct Memory {
    lines: parking_lot::Mutex<Vec<String>>,
    broken: AtomicBool,
    /// Held by a test, it keeps the device's thread where it is.
    gate: parking_lot::Mutex<()>,
}

impl Memory {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }
}

struct Recorder(Arc<Memory>);

impl Sink for Recorder {
    fn write(&mut self, lines: &[Bytes], _patience: Duration) -> Written {
        let _gate = self.0.gate.lock();
        if self.0.broken.load(Ordering::Relaxed) {
            return Written::All(Err("it is broken".into()));
        }
        self.0.lines.lock().extend(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()));
        Written::All(Ok(()))
    }
}

fn rules(delivery: Delivery) -> Rules {
    Rules { delivery, ..Rules::default() }
}

fn memory(name: &str, rules: Rules) -> (Arc<Device>, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let device = Device::start(name, "memory", rules, Box::new(Recorder(Arc::clone(&memory)))).unwrap();
    (Arc::new(device), memory)
}

fn audit(devices: Vec<Arc<Device>>) -> Audit {
    let audit = Audit::new(barrier());
    audit.use_devices(devices);
    audit
}

async fn write(audit: &Audit) -> Result<(), AuditError> {
    write_as(audit, "update").await
}

async fn write_as(audit: &Audit, operation: &str) -> Result<(), AuditError> {
    let request = request(Value::Object(Map::new()));
    audit.request(NOW, &Subject::new(&request, operation, Some(&mount()), None)).await
}
