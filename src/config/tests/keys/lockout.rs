//! `user_lockout`.

use super::{Check, check};
use crate::config::ServerConfig;

pub const CHECKS: &[Check] = &[
    check("user_lockout lockout_threshold", "lockout_threshold = \"2\"", |c| rules(c).threshold == 2),
    check("user_lockout lockout_duration", "lockout_duration = \"2s\"", |c| rules(c).duration == 2),
    check("user_lockout lockout_counter_reset", "lockout_counter_reset = 60", |c| rules(c).counter_reset == 60),
    check("user_lockout disable_lockout", "disable_lockout = true", |c| rules(c).disable),
];

pub const BLOCKS: &[(&str, &str)] = &[(
    "user_lockout",
    r#"storage "raft" { path = "/d" node_id = "n" }
    listener "tcp" { tls_disable = true }
    user_lockout "userpass" { HERE }"#,
)];

fn rules(config: &ServerConfig) -> &holdfast_core::mount::UserLockout {
    &config.lockouts.by_method["userpass"]
}
