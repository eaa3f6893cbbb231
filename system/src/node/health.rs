//! `sys/health`: what load balancers probe.

use std::sync::atomic::Ordering;

use holdfast_core::dr::Standing;
use holdfast_core::replication::Role;
use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, Input, Map, Params, Path, Value, Verb, json};
use serde::Serialize;

use super::{Local, VERSION};

#[derive(Input)]
struct Asked {
    /// The status of an active node.
    activecode: Option<i64>,
    /// The status of a standby.
    standbycode: Option<i64>,
    /// The status of a standby that serves reads.
    performancestandbycode: Option<i64>,
    /// The status of a sealed node.
    sealedcode: Option<i64>,
    /// The status of a node that is not initialised.
    uninitcode: Option<i64>,
    /// The status of a node that was removed from its cluster.
    removedcode: Option<i64>,
    /// The status of a node of a DR secondary.
    drsecondarycode: Option<i64>,
    /// For a state that this server does not get into.
    haunhealthycode: Option<i64>,
    /// A standby has the status of an active node.
    standbyok: Option<bool>,
    /// A standby that serves reads has the status of an active node.
    perfstandbyok: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Health {
    initialized: bool,
    sealed: bool,
    standby: bool,
    /// Whether it is a standby that serves reads.
    performance_standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: u64,
    version: &'static str,
    enterprise: bool,
    echo_duration_ms: u64,
    clock_skew_ms: u64,
    /// Of a DR secondary: for how long it has not had the primary's state. Its active node knows.
    replication_primary_canary_age_ms: u64,
    /// The same, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_dr_lag_ms: Option<u64>,
    /// And how many of the primary's changes it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_dr_behind: Option<u64>,
    /// Another cluster has taken this one's place as the primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_dr_fenced: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_from_cluster: Option<bool>,
    /// Why it is known that this node's state is not that of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_diverged: Option<String>,
    /// The leader's clock is doubted, and nothing expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_unsteady: Option<bool>,
    /// The audit devices that do not work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audit_failing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
}

pub fn path() -> Path {
    Path::new("health")
        .help("Tells load balancers the state of this node.", "The status says it all; the query may replace each.")
        .open()
        .ids([(Verb::Read, "read-health-status")])
        .node::<Asked, Bare<Health>>(Verb::Read)
}

struct Codes {
    uninit: u16,
    removed: u16,
    sealed: u16,
    dr_secondary: u16,
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
        // A flag without a value is none.
        if ["standbyok", "perfstandbyok"].iter().any(|flag| query.get(*flag) == Some(&json!(""))) {
            return Err(Unparsable);
        }
        let asked = Asked::parse(&Params::new([].into(), query.clone())).map_err(|_| Unparsable)?;
        let code = |given: Option<i64>, default: u16| match given {
            None => Ok(default),
            Some(code) => u16::try_from(code).ok().filter(|code| (100..1000).contains(code)).ok_or(Unparsable),
        };
        code(asked.haunhealthycode, 0)?;
        Ok(Self {
            uninit: code(asked.uninitcode, 501)?,
            removed: code(asked.removedcode, 530)?,
            sealed: code(asked.sealedcode, 503)?,
            dr_secondary: code(asked.drsecondarycode, 472)?,
            performance_standby: code(asked.performancestandbycode, 473)?,
            standby: code(asked.standbycode, 429)?,
            active: code(asked.activecode, 200)?,
            standby_ok: asked.standbyok.unwrap_or_default(),
            performance_standby_ok: asked.perfstandbyok.unwrap_or_default(),
        })
    }
}

pub fn answer(local: &Local, query: &Map<String, Value>) -> Response {
    let Ok(codes) = Codes::parse(query) else { return Response::errors(400, &[]) };
    let node = &local.node;
    let (initialised, sealed) = (node.is_initialised(), node.is_sealed());
    let (role, removed, diverged) = (node.role(), node.is_removed(), node.divergence());
    let standing = node.standing();
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
        // No flag masks it: there is nothing here for a client.
        (true, false) if matches!(standing, Standing::Secondary { .. }) => codes.dr_secondary,
        (true, false) if active => codes.active,
        (true, false) if reads => {
            // Here `standbyok` masks a performance standby too: whoever asks for any standby means these as well.
            if codes.performance_standby_ok || codes.standby_ok { codes.active } else { codes.performance_standby }
        }
        (true, false) if codes.standby_ok => codes.active,
        (true, false) => codes.standby,
    };
    let mode = |serving: &'static str| if sealed { "unknown" } else { serving };
    let progress = node.other_cluster().secondary_progress();
    let lag = progress.as_ref().and_then(|progress| progress.lag);
    let lag = lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX));
    let info = node.cluster_info();
    let health = Health {
        initialized: initialised,
        sealed,
        standby: !active,
        performance_standby: reads,
        replication_performance_mode: mode("primary"),
        replication_dr_mode: mode(standing.mode()),
        server_time_utc: (local.clock)().seconds(),
        version: VERSION,
        enterprise: false,
        echo_duration_ms: 0,
        clock_skew_ms: 0,
        replication_primary_canary_age_ms: lag.unwrap_or(0),
        replication_dr_lag_ms: lag,
        replication_dr_behind: progress.and_then(|progress| progress.behind),
        replication_dr_fenced: matches!(standing, Standing::Secondary { fenced: true, .. }).then_some(true),
        removed_from_cluster: removed.then_some(true),
        state_diverged: diverged.map(|why| why.to_string()),
        clock_unsteady: (!node.replication.clock_is_steady()).then_some(true),
        audit_failing: node.audit.problems().into_iter().map(|(device, _)| device).collect(),
        cluster_name: info.as_ref().map(|info| info.name.clone()),
        cluster_id: info.as_ref().map(|info| info.id.clone()),
    };
    Response::json(status, &json!(health))
}
