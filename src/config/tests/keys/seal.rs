//! `seal`.

use super::Check;

pub const CHECKS: &[Check] = &[];

pub const BLOCKS: &[(&str, &str)] = &[(
    "seal shamir",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    seal "shamir" { HERE }"#,
)];
