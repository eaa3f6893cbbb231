//! `telemetry`.

use super::{Check, check};

pub const CHECKS: &[Check] = &[
    check("telemetry prometheus_retention_time", r#"prometheus_retention_time = "0s""#, |c| !c.telemetry.prometheus),
    check("listener tcp telemetry unauthenticated_metrics_access", "unauthenticated_metrics_access = true", |c| {
        c.listeners[0].limits.open_metrics
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "telemetry",
        r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    telemetry { HERE }"#,
    ),
    (
        "listener tcp telemetry",
        r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true telemetry { HERE } }"#,
    ),
];
