//! `seal`.

use super::{Check, check};
use crate::config::{Seal, SealKey, ServerConfig};

pub const CHECKS: &[Check] = &[
    check("seal static current_key_id", r#"current_key_id = "other""#, |c| current(c).id == "other"),
    check("seal static current_key", r#"current_key = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=""#, |c| {
        current(c).key().expose() == &[2; 32]
    }),
    check("seal static previous_key_id", PREVIOUS, |c| previous(c).is_some_and(|key| key.id == "old")),
    check("seal static previous_key", PREVIOUS, |c| {
        previous(c).is_some_and(|key| key.key().expose() == b"00000000000000000000000000000000")
    }),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "seal shamir",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "shamir" { HERE }"#,
    ),
    (
        "seal static",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "static" {
          current_key_id = "one"
          current_key = "0101010101010101010101010101010101010101010101010101010101010101"
          HERE
        }"#,
    ),
];

const PREVIOUS: &str = r#"previous_key_id = "old" previous_key = "00000000000000000000000000000000""#;

fn current(config: &ServerConfig) -> &SealKey {
    match &config.seal {
        Seal::Static { current, .. } => current,
        Seal::Shamir => panic!("the seal is static"),
    }
}

fn previous(config: &ServerConfig) -> Option<&SealKey> {
    match &config.seal {
        Seal::Static { previous, .. } => previous.as_ref(),
        Seal::Shamir => panic!("the seal is static"),
    }
}
