//! `sys/audit`, `sys/audit/:path`: the audit devices.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::audit::{AuditRefused, AuditTable, DeviceRecord};
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Ctx, Failure, Input, KvPairs, Map, Params, Path, Result, Txn, Value, Verb, View, json};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct At {
    /// The device's path.
    path: String,
}

#[derive(Input)]
struct Enable {
    /// The device's path.
    path: String,
    /// `file`, `socket`, `syslog` or `http`.
    #[field(name = "type")]
    kind: String,
    /// What it is for.
    description: String,
    /// The device's own options.
    options: KvPairs,
    /// Kept out of performance replication.
    local: bool,
}

pub fn list(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("audit/?")
        .help("Lists the audit devices.", "Those of this node's configuration, and those made through the API.")
        .sudo()
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let devices = node.audit.devices(&AuditTable::read(view)?);
            let all: Map<String, Value> =
                devices.into_iter().map(|(path, d)| (path.clone(), shown(&path, d))).collect();
            Ok(Answer::mirrored(Value::Object(all)))
        })
}

fn shown(path: &str, device: DeviceRecord) -> Value {
    json!({
        "type": device.kind,
        "description": device.description,
        "options": device.options,
        "local": device.local,
        "path": path,
    })
}

pub fn one(node: &Arc<Node>) -> Path {
    let disables = Arc::clone(node);
    Path::new("audit/:path+")
        .help(
            "Enables and disables an audit device.",
            "It must be possible to open it; from then on it gets every entry.",
        )
        .sudo()
        .act::<Enable>(Verb::Write, EnableDevice(Arc::clone(node)))
        .txn(Verb::Delete, move |_: &Ctx, at: At, txn: &mut Txn| {
            disables.audit.disable(txn, &at.path).map_err(failure)?;
            Ok(Answer::empty())
        })
}

/// Opens the device before anything is written, so it is no transaction.
struct EnableDevice(Arc<Node>);

#[async_trait]
impl Act for EnableDevice {
    async fn act(&self, params: &Params, deadline: Instant) -> Result<Answer> {
        let input = Enable::parse(params)?;
        let Enable { path, kind, description, options, local } = input;
        let record = DeviceRecord { kind, description, local, options: options.0 };
        let enabled = self.0.audit.enable(&self.0, &path, record, deadline.into()).await;
        enabled.map(|()| Answer::empty()).map_err(failure)
    }
}

pub(super) fn failure(refused: AuditRefused) -> Failure {
    match refused {
        AuditRefused::Refused(text) => Failure::Invalid(text),
        AuditRefused::Unavailable(text) => Failure::Unavailable(text),
        AuditRefused::Access(access) => access.into(),
    }
}
