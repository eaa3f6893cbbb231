//! `sys/audit`, `sys/audit/:path`: the audit devices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::audit::{AuditRefused, AuditTable, DeviceRecord};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Act, Answer, Ctx, Failure, Input, KvPairs, Params, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

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

#[derive(Serialize, JsonSchema)]
struct Device {
    #[serde(rename = "type")]
    kind: String,
    description: String,
    options: BTreeMap<String, String>,
    local: bool,
    path: String,
}

pub fn list(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("audit/?")
        .ids([(Verb::Read, "auditing-list-enabled-devices")])
        .help("Lists the audit devices.", "Those of this node's configuration, and those made through the API.")
        .sudo()
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let devices = node.audit.devices(&AuditTable::read(view)?);
            let shown = |(path, record): (String, DeviceRecord)| (path.clone(), shown(path, record));
            Reply::mirrored(devices.into_iter().map(shown).collect::<BTreeMap<_, _>>())
        })
}

fn shown(path: String, record: DeviceRecord) -> Device {
    let DeviceRecord { kind, description, options, local } = record;
    Device { kind, description, options, local, path }
}

pub fn one(node: &Arc<Node>) -> Path {
    let disables = Arc::clone(node);
    Path::new("audit/:path+")
        .ids([(Verb::Write, "auditing-enable-device"), (Verb::Delete, "auditing-disable-device")])
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
