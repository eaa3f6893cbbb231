//! `telemetry`.

use super::{Check, check};

pub const CHECKS: &[Check] = &[
    check("telemetry prometheus_retention_time", r#"prometheus_retention_time = "0s""#, |c| !c.telemetry.prometheus),
    check("telemetry otlp_endpoint", r#"otlp_endpoint = "http://collector:4318/""#, |c| {
        c.telemetry.traces.as_ref().is_some_and(|t| (t.endpoint.as_str(), t.percent) == ("http://collector:4318", 100))
    }),
    check("telemetry otlp_sampled_percent", "otlp_endpoint = \"https://collector\"\notlp_sampled_percent = 5", |c| {
        c.telemetry.traces.as_ref().is_some_and(|t| (t.endpoint.as_str(), t.percent) == ("https://collector:443", 5))
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[(
    "telemetry",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    telemetry { HERE }"#,
)];
