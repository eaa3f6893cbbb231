//! `telemetry`.

use super::Check;

pub const CHECKS: &[Check] = &[];

pub const BLOCKS: &[(&str, &str)] = &[(
    "telemetry",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    telemetry { HERE }"#,
)];
