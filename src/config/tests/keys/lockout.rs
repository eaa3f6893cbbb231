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

#[test]
fn a_method_has_of_all_what_it_does_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.hcl");
    let text = r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        user_lockout "userpass" { lockout_duration = "2s" }
        user_lockout "ldap" { disable_lockout = false }
        user_lockout "all" { lockout_threshold = 9 disable_lockout = true }"#;
    std::fs::write(&file, text).unwrap();
    let sources = crate::config::Sources { paths: vec![file], ..Default::default() };
    let config = sources.load().unwrap().config;
    let one = rules(&config);
    assert_eq!((one.threshold, one.duration, one.counter_reset, one.disable), (9, 2, 15 * 60, true));
    assert!(!config.lockouts.by_method["ldap"].disable);
}
