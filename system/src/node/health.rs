//! `sys/health`: what load balancers probe.

use std::sync::atomic::Ordering;

use holdfast_core::replication::Role;
use holdfast_core::response::Response;
use sdk::{FromField, Map, Value, json};

use super::{Local, VERSION};

struct Codes {
    uninit: u16,
    removed: u16,
    sealed: u16,
    performance_standby: u16,
    standby: u16,
    active: u16,
    standby_ok: bool,
    performance_standby_ok: bool,
}

/// A parameter that does not parse.
struct Unparsable;

impl Codes {
    fn parse(query: &Map<String, Value>) -> Result<Self, Unparsable> {
        let code = |name: &str, default: u16| match query.get(name) {
            None => Ok(default),
            Some(value) => {
                let code = value.as_str().and_then(|text| text.parse::<u16>().ok());
                code.filter(|c| (100..1000).contains(c)).ok_or(Unparsable)
            }
        };
        let flag = |name: &str| match query.get(name) {
            None => Ok(false),
            Some(Value::String(text)) if text.is_empty() => Err(Unparsable),
            Some(value) => bool::from_field(value).map_err(|_| Unparsable),
        };
        // Codes of states that this server does not get into are checked all the same.
        for name in ["drsecondarycode", "haunhealthycode"] {
            code(name, 0)?;
        }
        Ok(Self {
            uninit: code("uninitcode", 501)?,
            removed: code("removedcode", 530)?,
            sealed: code("sealedcode", 503)?,
            performance_standby: code("performancestandbycode", 473)?,
            standby: code("standbycode", 429)?,
            active: code("activecode", 200)?,
            standby_ok: flag("standbyok")?,
            performance_standby_ok: flag("perfstandbyok")?,
        })
    }
}

pub fn answer(local: &Local, query: &Map<String, Value>) -> Response {
    let Ok(codes) = Codes::parse(query) else { return Response::errors(400, &[]) };
    let node = &local.node;
    let (initialised, sealed) = (node.is_initialised(), node.is_sealed());
    let (role, removed, diverged) = (node.role(), node.is_removed(), node.divergence());
    let active = !sealed && matches!(role, Role::Active { .. });
    let reads = local.serve_reads && node.reads_as_standby();
    let status = match (initialised, sealed) {
        (false, _) => codes.uninit,
        (true, _) if removed => codes.removed,
        (true, true) => codes.sealed,
        // It is about to seal itself.
        (true, false) if diverged.is_some() => codes.sealed,
        // Probes know this code as "send nobody here", which is what is meant.
        (true, false) if local.leaving.load(Ordering::Relaxed) => codes.sealed,
        (true, false) if active => codes.active,
        (true, false) if reads => {
            // Here `standbyok` masks a performance standby too: whoever asks for any standby means these as well.
            if codes.performance_standby_ok || codes.standby_ok { codes.active } else { codes.performance_standby }
        }
        (true, false) if codes.standby_ok => codes.active,
        (true, false) => codes.standby,
    };
    let mode = |serving: &'static str| if sealed { "unknown" } else { serving };
    let mut body = json!({
        "initialized": initialised,
        "sealed": sealed,
        "standby": !active,
        "performance_standby": reads,
        "replication_performance_mode": mode("primary"),
        "replication_dr_mode": mode("disabled"),
        "server_time_utc": (local.clock)().seconds(),
        "version": VERSION,
        "enterprise": false,
        "echo_duration_ms": 0,
        "clock_skew_ms": 0,
        "replication_primary_canary_age_ms": 0,
    });
    if removed {
        body["removed_from_cluster"] = json!(true);
    }
    if let Some(why) = diverged {
        body["state_diverged"] = json!(&*why);
    }
    if !node.replication.clock_is_steady() {
        body["clock_unsteady"] = json!(true);
    }
    let failing: Vec<String> = node.audit.problems().into_iter().map(|(device, _)| device).collect();
    if !failing.is_empty() {
        body["audit_failing"] = json!(failing);
    }
    if let Some(info) = node.cluster_info() {
        body["cluster_name"] = json!(info.name);
        body["cluster_id"] = json!(info.id);
    }
    Response::json(status, &body)
}
