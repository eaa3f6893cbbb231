//! `telemetry`.

use super::{Check, check};

pub const CHECKS: &[Check] =
    &[check("telemetry prometheus_retention_time", r#"prometheus_retention_time = "0s""#, |c| !c.telemetry.prometheus)];

pub const BLOCKS: &[(&str, &str)] = &[(
    "telemetry",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    telemetry { HERE }"#,
)];
